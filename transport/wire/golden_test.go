package wire_test

import (
	"testing"
	"time"

	"clients/domain"
	"clients/transport/wire"

	"github.com/stretchr/testify/require"
)

// everything is a client without nulls, with all characters that have to be escaped.
func everything() *domain.Client {
	return &domain.Client{
		ID: 11072, Name: `Supr & Sons <"Corp">`, HighriseID: 568902, Currency: "United States Dollars - USD",
		CurrencySymbol: "$", Active: true, Details: "123 Main St.\r\nThird Floor\tNew York \\ ünïcödé 𝄞 \u007F\u2028",
		DefaultInvoiceTimeframe: "20110101,20111231", LastInvoiceKind: "task",
		Revision:  domain.Revision{Version: 3, Checksum: 0xABCDEF},
		CreatedAt: time.Date(2008, 4, 9, 12, 7, 56, 999_999_999, time.UTC),
		UpdatedAt: time.Date(2008, 4, 9, 14, 7, 57, 0, time.FixedZone("CEST", 2*60*60)),
	}
}

// nulls is a client with the required attributes alone.
func nulls() *domain.Client {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &domain.Client{
		ID: 1, Name: "A", Currency: "Shells", Revision: domain.Revision{Version: 1}, CreatedAt: at, UpdatedAt: at,
	}
}

const everythingXML = `<client>
  <name>Supr &amp; Sons &lt;"Corp"&gt;</name>
  <created-at type="datetime">2008-04-09T12:07:56Z</created-at>
  <updated-at type="datetime">2008-04-09T12:07:57Z</updated-at>
  <highrise-id type="integer">568902</highrise-id>
  <id type="integer">11072</id>
  <cache-version type="integer">2</cache-version>
  <currency>United States Dollars - USD</currency>
  <active type="boolean">true</active>
  <currency-symbol>$</currency-symbol>
  <details>123 Main St.&#xD;
Third Floor	New York \ ünïcödé 𝄞 ` + "\u007F\u2028" + `</details>
  <default-invoice-timeframe>20110101,20111231</default-invoice-timeframe>
  <last-invoice-kind>task</last-invoice-kind>
</client>
`

const nullsXML = `<client>
  <name>A</name>
  <created-at type="datetime">2026-01-02T03:04:05Z</created-at>
  <updated-at type="datetime">2026-01-02T03:04:05Z</updated-at>
  <highrise-id type="integer" nil="true"/>
  <id type="integer">1</id>
  <cache-version type="integer">0</cache-version>
  <currency>Shells</currency>
  <active type="boolean">false</active>
  <currency-symbol></currency-symbol>
  <details></details>
  <default-invoice-timeframe nil="true"/>
  <last-invoice-kind nil="true"/>
</client>
`

const everythingJSON = `{"client":{"name":"Supr & Sons <\"Corp\">","created_at":"2008-04-09T12:07:56Z",` +
	`"updated_at":"2008-04-09T12:07:57Z","highrise_id":568902,"id":11072,"cache_version":2,` +
	`"currency":"United States Dollars - USD","active":true,"currency_symbol":"$",` +
	`"details":"123 Main St.\r\nThird Floor\tNew York \\ ünïcödé 𝄞 ` + "\u007F\u2028" + `",` +
	`"default_invoice_timeframe":"20110101,20111231","last_invoice_kind":"task"}}`

const nullsJSON = `{"client":{"name":"A","created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z",` +
	`"highrise_id":null,"id":1,"cache_version":0,"currency":"Shells","active":false,"currency_symbol":"",` +
	`"details":"","default_invoice_timeframe":null,"last_invoice_kind":null}}`

const declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

func TestGoldenClients(t *testing.T) {
	t.Parallel()
	require.Equal(t, everythingXML, string(wire.XML.AppendClient(nil, everything())))
	require.Equal(t, nullsXML, string(wire.XML.AppendClient(nil, nulls())))
	require.Equal(t, declaration+nullsXML, string(wire.XML.AppendDocument(nil, nulls())))
	require.Equal(t, everythingJSON, string(wire.JSON.AppendClient(nil, everything())))
	require.Equal(t, nullsJSON, string(wire.JSON.AppendClient(nil, nulls())))
}

func TestGoldenLists(t *testing.T) {
	t.Parallel()
	xml := append([]byte(nil), wire.XML.ListStart...)
	xml = append(wire.XML.AppendClient(wire.XML.AppendClient(xml, everything()), nulls()), wire.XML.ListEnd...)
	require.Equal(t, declaration+`<clients type="array">`+"\n"+everythingXML+nullsXML+"</clients>\n", string(xml))

	json := append([]byte(nil), wire.JSON.ListStart...)
	json = append(wire.JSON.AppendClient(json, everything()), wire.JSON.Separator...)
	json = append(wire.JSON.AppendClient(json, nulls()), wire.JSON.ListEnd...)
	require.Equal(t, "["+everythingJSON+","+nullsJSON+"]", string(json))

	require.Equal(t, declaration+"<clients type=\"array\">\n</clients>\n", wire.XML.ListStart+wire.XML.ListEnd)
	require.Equal(t, "[]", wire.JSON.ListStart+wire.JSON.ListEnd)
}

func TestGoldenErrors(t *testing.T) {
	t.Parallel()
	const message = `Name can't be "blank" & <null>.`
	require.Equal(t, declaration+"<error>\n  <message>Name can't be \"blank\" &amp; &lt;null&gt;.</message>\n</error>\n",
		string(wire.XML.AppendError(nil, message)))
	require.Equal(t, `{"message":"Name can't be \"blank\" & <null>."}`, string(wire.JSON.AppendError(nil, message)))
}

func TestAppendingKeepsTheBuffer(t *testing.T) {
	t.Parallel()
	before := []byte("before ")
	require.Equal(t, "before "+nullsXML, string(wire.XML.AppendClient(before, nulls())))
	require.Equal(t, "before "+nullsJSON, string(wire.JSON.AppendClient(before, nulls())))
	require.Equal(t, "before "+declaration+nullsXML, string(wire.XML.AppendDocument(before, nulls())))
}

func TestControlCharactersInErrorsBecomeJSONEscapes(t *testing.T) {
	t.Parallel()
	require.Equal(t, `{"message":"\u0000\u001f\n\r\t"}`, string(wire.JSON.AppendError(nil, "\x00\x1F\n\r\t")))
}
