package wire_test

import (
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"errors"
	"testing"
	"time"

	"clients/domain"
	"clients/transport/wire"

	"github.com/stretchr/testify/require"
)

func FuzzDecodeXML(f *testing.F) {
	for _, document := range []string{
		"", "<client/>", declaration + everythingXML, declaration + nullsXML,
		"<client><name>A</name><highrise-id>7</highrise-id><currency>Euro - EUR</currency><active>1</active></client>",
		"<client><name><![CDATA[<&>]]>&#x20AC;&#13;&amp;]]&gt;</name><!-- c --><?pi?></client>",
		"<client><name>A</name><currency-symbol nil=\"true\"/><details> \r\n\t</details></client>",
		"<client><name>A</name><x><y z='1'><name/></y></x></client>",
		"<client><name>&#xD800;&#55296;</name></client>", "<client><name>A</name></client><client/>",
		"<!DOCTYPE client [<!ENTITY a \"b\">]><client><name>&a;</name></client>",
		"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><client><name>caf\xE9</name></client>",
		"<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><client><name>\x82\xA0</name></client>",
		"<?xml version=\"1.0\" encoding=\"utf-16\"?><client><name>A</name></client>",
		"\xEF\xBB\xBF<client><name>A</name></client>",
		utf16Of(binary.LittleEndian, "<client><name>é𝄞</name></client>"),
		utf16Of(binary.BigEndian, "<client><name>é𝄞</name></client>"),
	} {
		f.Add([]byte(document), "")
	}
	for _, label := range []string{"utf-8", "iso-8859-1", "windows-1252", "utf-16", "gb18030", "iso-2022-jp", "euc-kr", "klingon", "\x00"} {
		f.Add([]byte("<client><name>caf\xE9\x81</name></client>"), label)
	}
	f.Fuzz(func(t *testing.T, document []byte, label string) {
		attributes, err := decodeXML(document, label)
		checkDecoded(t, attributes, err)
	})
}

func FuzzDecodeJSON(f *testing.F) {
	for _, document := range []string{
		"", "{}", `{"client":{}}`, everythingJSON, nullsJSON, `[{"client":{"name":"A"}}]`,
		`{"client":{"name":"A","highrise_id":7,"currency":"Euro - EUR","active":true}}`,
		`{"client":{"name":"\u00e9\"\\\/\b\f\n\r\t\ud83d\ude00","currency_symbol":null,"details":null}}`,
		`{"client":{"name":"\ud83d","x":[[{"a":1e400}]]},"y":null}`,
		`{"client":{"name":"A","highrise-id":9223372036854775807,"details":"<]]>&\u0000"}}`,
		"\xEF\xBB\xBF" + `{"client":{"name":"A"}}`,
		utf16Of(binary.LittleEndian, `{"client":{"name":"é𝄞"}}`),
	} {
		f.Add([]byte(document), "")
	}
	for _, label := range []string{"utf-8", "iso-8859-1", "utf-16", "klingon"} {
		f.Add([]byte("{\"client\":{\"name\":\"caf\xE9\"}}"), label)
	}
	f.Fuzz(func(t *testing.T, document []byte, label string) {
		attributes, err := decodeJSON(document, label)
		checkDecoded(t, attributes, err)
	})
}

// FuzzEncode reaches the encoders without having to find a well-formed document first.
func FuzzEncode(f *testing.F) {
	f.Add("A", int64(0), "", "", "", true)
	f.Add("<&>\"']]>", int64(1), "Euro - EUR", "\u2028\u0085\uFFFD", "a\r\n\r\t\n b ", false)
	f.Add("\U0001F600\\ud800", int64(1<<63-1), "\u007F", "\x00", "\xED\xA0\x80\uFFFE", false)
	f.Fuzz(func(t *testing.T, name string, highriseID int64, currency, symbol, details string, active bool) {
		checkDecoded(t, domain.ClientAttributes{
			Name: &name, HighriseID: &highriseID, Currency: &currency, CurrencySymbol: &symbol, Details: &details, Active: &active,
		}, nil)
	})
}

// checkDecoded checks the guarantees for every document: an error can be sent to the caller, and attributes that the domain
// accepts can be encoded in both formats and decoded again, by this package and by other decoders.
func checkDecoded(t *testing.T, attributes domain.ClientAttributes, err error) {
	if err != nil {
		requireInvalid(t, err)
		return
	}
	event, err := domain.Decide(domain.Client{}, domain.References{}, domain.CreateClient{ID: 42, Attributes: attributes, DefaultCurrency: "Euro - EUR"})
	var refusal *domain.Error
	if errors.As(err, &refusal) {
		require.Equal(t, domain.Invalid, refusal.Kind)
		requireHeaderText(t, refusal.Message)
		return
	}
	require.NoError(t, err)
	checkRendered(t, client(event))
}

func client(event domain.Event) *domain.Client {
	c := domain.Evolve(domain.Client{}, event)
	c.Revision = domain.Revision{Version: 1, Checksum: 1}
	c.CreatedAt = time.Date(2008, 4, 9, 12, 7, 56, 0, time.UTC)
	c.UpdatedAt = c.CreatedAt
	return &c
}

// plain is a client as an independent decoder reads it.
type plain struct {
	Name           string    `xml:"name" json:"name"`
	CreatedAt      time.Time `xml:"created-at" json:"created_at"`
	UpdatedAt      time.Time `xml:"updated-at" json:"updated_at"`
	HighriseID     *string   `xml:"highrise-id" json:"-"`
	HighriseNumber *int64    `xml:"-" json:"highrise_id"`
	ID             int64     `xml:"id" json:"id"`
	CacheVersion   uint64    `xml:"cache-version" json:"cache_version"`
	Currency       string    `xml:"currency" json:"currency"`
	Active         bool      `xml:"active" json:"active"`
	CurrencySymbol string    `xml:"currency-symbol" json:"currency_symbol"`
	Details        string    `xml:"details" json:"details"`
	Timeframe      *string   `xml:"default-invoice-timeframe" json:"default_invoice_timeframe"`
	InvoiceKind    *string   `xml:"last-invoice-kind" json:"last_invoice_kind"`
}

func checkRendered(t *testing.T, c *domain.Client) {
	want := plain{
		Name: c.Name, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, ID: c.ID, CacheVersion: c.CacheVersion(),
		Currency: c.Currency, Active: c.Active, CurrencySymbol: c.CurrencySymbol, Details: c.Details,
	}

	inXML := wire.XML.AppendDocument(nil, c)
	var fromXML plain
	require.NoError(t, xml.Unmarshal(inXML, &fromXML), "%q", inXML)
	highriseID := int64(0)
	if text := *fromXML.HighriseID; text != "" {
		require.NoError(t, json.Unmarshal([]byte(text), &highriseID))
	}
	require.Equal(t, c.HighriseID, highriseID)
	require.Empty(t, *fromXML.Timeframe)
	require.Empty(t, *fromXML.InvoiceKind)
	fromXML.HighriseID, fromXML.Timeframe, fromXML.InvoiceKind = nil, nil, nil
	require.Equal(t, want, fromXML)
	again, err := decodeXML(inXML, "")
	require.NoError(t, err)
	require.Equal(t, attributesOf(c), again)

	inJSON := wire.JSON.AppendClient(nil, c)
	var fromJSON struct{ Client plain }
	require.NoError(t, json.Unmarshal(inJSON, &fromJSON), "%q", inJSON)
	if c.HighriseID != 0 {
		want.HighriseNumber = &c.HighriseID
	}
	require.Equal(t, want, fromJSON.Client)
	again, err = decodeJSON(inJSON, "utf-8")
	require.NoError(t, err)
	require.Equal(t, attributesOf(c), again)
}
