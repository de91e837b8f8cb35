package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The client that each document creates. A view has the expected attributes without the id and the times.
func TestCreateStoresWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	a := shared(t)
	named := view{Name: "SuprCorp", Currency: "United States Dollars - USD", CurrencySymbol: "$", Active: true}
	all := view{
		Name: "SuprCorp", HighriseID: new(int64(568902)), Currency: "Euro - EUR", CurrencySymbol: "E", Details: "123 Main St.\nNew York & <more>",
	}
	inCurrency := func(currency, symbol string) view {
		v := named
		v.Currency, v.CurrencySymbol = currency, symbol
		return v
	}
	for _, c := range []struct {
		path, kind, body string
		want             view
	}{
		{"/clients", asXML, suprCorp, named},
		{"/clients.xml", "Content-Type: text/xml", suprCorp, named},
		{"/clients", asJSON, `{"client":{"name":"SuprCorp"}}`, named},
		{"/clients.json", asJSON, `{"client":{"name":"SuprCorp"}}`, named},
		{"/clients.xml", asJSON, `{"client":{"name":"SuprCorp"}}`, named},
		{"/clients", "X-None: x", " " + suprCorp, named},
		{"/clients", "X-None: x", ` {"client":{"name":"SuprCorp"}}`, named},
		{"/clients", asForm, " " + suprCorp, named}, // as curl -d sends it
		{"/clients", asForm, `{"client":{"name":"SuprCorp"}}`, named},

		{"/clients", asXML, "<client>" + whole + "</client>", all},
		{"/clients", asJSON, `{"client":{"name":"SuprCorp","highrise_id":568902,"currency":"Euro - EUR","currency_symbol":"E","active":false,
			"details":"123 Main St.\nNew York & <more>"}}`, all},

		{"/clients", asXML, `<client><name>SuprCorp</name><id type="integer">4711</id><cache-version type="integer">9</cache-version>
			<created-at type="datetime">2008-04-09T12:07:56Z</created-at><updated-at type="datetime">nonsense</updated-at>
			<default-invoice-timeframe>20110101,20111231</default-invoice-timeframe><last-invoice-kind>task</last-invoice-kind>
			<invented><deeply>nested</deeply></invented></client>`, named},

		{"/clients", asXML, `<client><name>SuprCorp</name><currency></currency></client>`, named},
		{"/clients", asXML, `<client><name>SuprCorp</name><currency>Euro - EUR</currency></client>`, inCurrency("Euro - EUR", "€")},
		{"/clients", asXML, `<client><name>SuprCorp</name><currency>Swiss Franc - CHF</currency></client>`, inCurrency("Swiss Franc - CHF", "CHF")},
		{"/clients", asXML, `<client><name>SuprCorp</name><currency>Sea shells</currency></client>`, inCurrency("Sea shells", "")},
		{"/clients", asXML, `<client><name>SuprCorp</name><currency>Credits - XQZ</currency></client>`, inCurrency("Credits - XQZ", "")},
		{"/clients", asXML, `<client><name>SuprCorp</name><currency>Euro - EUR</currency><currency-symbol></currency-symbol></client>`, inCurrency("Euro - EUR", "")},
		{"/clients", asXML, `<client><name>SuprCorp</name><currency>Euro - EUR</currency><currency-symbol nil="true"/></client>`, inCurrency("Euro - EUR", "€")},
		{"/clients", asXML, `<client><name>SuprCorp</name><currency-symbol>US$</currency-symbol></client>`, inCurrency(named.Currency, "US$")},
	} {
		begun := time.Now().Truncate(time.Second)
		r := a.want(201, "POST", c.path, c.body, c.kind)
		require.Empty(t, r.body)
		require.Regexp(t, `^/clients/[1-9][0-9]*$`, r.header.Get("Location"), "relative, and without suffix")
		got := a.get(r.id(t))
		require.WithinRange(t, got.CreatedAt, begun, time.Now())
		require.Equal(t, got.CreatedAt, got.UpdatedAt)
		c.want.ID, c.want.CreatedAt, c.want.UpdatedAt = r.id(t), got.CreatedAt, got.UpdatedAt
		require.Equal(t, c.want, got, c.body)
	}
}

const asForm = "Content-Type: application/x-www-form-urlencoded"

func TestTextsAreStoredUnchanged(t *testing.T) {
	t.Parallel()
	a := shared(t)
	for _, text := range []string{
		"  blanks around  ", "line\nfeed", "tab\tstop", "carriage\r\nreturn", `<>&"'`, "]]>", "emoji 🧾", "e\u0301 decomposed",
		"\u200b zero width", `back\slash`, "\u007f\u0085\ufffd",
	} {
		body := map[string]any{"client": map[string]any{"name": "n" + text, "details": text}}
		id := a.want(201, "POST", "/clients", jsonOf(t, body), asJSON).id(t)
		require.Equal(t, "n"+text, a.get(id).Name)
		require.Equal(t, text, a.get(id).Details)
		require.Equal(t, text, a.getXML(id).Details, "in XML")
	}
}
