package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCreateAnswersWhereTheClientIs(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, request := range []struct{ path, body, kind string }{
		{"/clients", "<client><name>SuprCorp</name></client>", asXML},
		{"/clients.xml", "<client><name>SuprCorp</name></client>", "Content-Type: text/xml"},
		{"/clients", `{"client":{"name":"SuprCorp"}}`, asJSON},
		{"/clients.json", `{"client":{"name":"SuprCorp"}}`, asJSON},
		{"/clients.xml", `{"client":{"name":"SuprCorp"}}`, asJSON},
	} {
		got := a.want(201, "POST", request.path, request.body, request.kind)
		require.Empty(t, got.body)
		require.Regexp(t, `^/clients/[1-9][0-9]*$`, got.header.Get("Location"), "relative, and without suffix")
		require.Equal(t, "SuprCorp", a.get(got.id(t)).Name)
	}
}

func TestCreateWithNameAlone(t *testing.T) {
	t.Parallel()
	a := launch(t)
	v := a.get(a.named("SuprCorp"))
	require.Equal(t, "United States Dollars - USD", v.Currency)
	require.Equal(t, "$", v.CurrencySymbol)
	require.True(t, v.Active)
	require.Empty(t, v.Details)
	require.Nil(t, v.HighriseID)
	require.Nil(t, v.DefaultInvoiceTimeframe)
	require.Nil(t, v.LastInvoiceKind)
	require.Zero(t, v.CacheVersion)
}

func TestCreateTakesTheDefaultCurrencyOfTheSettings(t *testing.T) {
	t.Parallel()
	settings := testSettings(t)
	settings.defaultCurrency = "British Pound - GBP"
	a := launchWith(t, settings)
	v := a.get(a.named("SuprCorp"))
	require.Equal(t, "British Pound - GBP", v.Currency)
	require.Equal(t, "£", v.CurrencySymbol)
}

func TestCreateKeepsEveryAttribute(t *testing.T) {
	t.Parallel()
	a := launch(t)
	fromXML := a.get(a.create(whole))
	fromJSON := a.get(a.want(201, "POST", "/clients", `{"client":{"name":"SuprCorp","highrise_id":568902,"currency":"Euro - EUR",
		"currency_symbol":"E","active":false,"details":"123 Main St.\nNew York & <more>"}}`, asJSON).id(t))
	for _, v := range []view{fromXML, fromJSON} {
		require.Equal(t, "SuprCorp", v.Name)
		require.Equal(t, int64(568902), *v.HighriseID)
		require.Equal(t, "Euro - EUR", v.Currency)
		require.Equal(t, "E", v.CurrencySymbol)
		require.False(t, v.Active)
		require.Equal(t, "123 Main St.\nNew York & <more>", v.Details)
	}
}

func TestCreateDerivesTheCurrencySymbol(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for elements, symbol := range map[string]string{
		`<currency>Euro - EUR</currency>`:                                                    "€",
		`<currency>Japanese Yen - JPY</currency>`:                                            "¥",
		`<currency>Swiss Franc - CHF</currency>`:                                             "CHF",
		`<currency>Sea shells</currency>`:                                                    "",
		`<currency>Galactic Credits - XQZ</currency>`:                                        "",
		`<currency>Euro - EUR</currency><currency-symbol>E</currency-symbol>`:                "E",
		`<currency>Euro - EUR</currency><currency-symbol></currency-symbol>`:                 "",
		`<currency>Euro - EUR</currency><currency-symbol nil="true"/>`:                       "€",
		`<currency-symbol>US$</currency-symbol>`:                                             "US$",
		`<currency></currency>`:                                                              "$",
		`<currency>Euro - EUR</currency><currency-symbol nil="true"></currency-symbol>`:      "€",
		`<currency>Euro - EUR</currency><currency-symbol>` + "\u20ac" + `</currency-symbol>`: "€",
	} {
		require.Equal(t, symbol, a.get(a.create("<name>x</name>"+elements)).CurrencySymbol, elements)
	}
}

func TestCreateIgnoresWhatIsReadOnlyOrUnknown(t *testing.T) {
	t.Parallel()
	a := launch(t)
	v := a.get(a.create(`<name>SuprCorp</name><id type="integer">4711</id><cache-version type="integer">9</cache-version>
		<created-at type="datetime">2008-04-09T12:07:56Z</created-at><updated-at type="datetime">nonsense</updated-at>
		<default-invoice-timeframe>20110101,20111231</default-invoice-timeframe><last-invoice-kind>task</last-invoice-kind>
		<invented><deeply>nested</deeply></invented>`))
	require.NotEqual(t, int64(4711), v.ID)
	require.Zero(t, v.CacheVersion)
	require.NotEqual(t, 2008, v.CreatedAt.Year())
	require.Nil(t, v.DefaultInvoiceTimeframe)
	require.Nil(t, v.LastInvoiceKind)
}

func TestCreateTakesNamesThatAreNotUnique(t *testing.T) {
	t.Parallel()
	a := launch(t)
	require.NotEqual(t, a.named("Same"), a.named("Same"))
	require.Len(t, a.list(""), 2)
}

func TestCreateTakesValuesUpToTheirLimits(t *testing.T) {
	t.Parallel()
	a := launch(t)
	long := strings.Repeat("ä", 255) // characters, not bytes
	details := strings.Repeat("d", 64<<10)
	id := a.create(fmt.Sprintf(`<name>%s</name><currency>%[1]s</currency><currency-symbol>%[1]s</currency-symbol>
		<details>%s</details><highrise-id type="integer">9223372036854775807</highrise-id>`, long, details))
	v := a.get(id)
	require.Equal(t, []string{long, long, long, details}, []string{v.Name, v.Currency, v.CurrencySymbol, v.Details})
	require.Equal(t, int64(9223372036854775807), *v.HighriseID)
}

func TestCreateKeepsTextAsItIs(t *testing.T) {
	t.Parallel()
	a := launch(t)
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
