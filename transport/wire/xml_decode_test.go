package wire_test

import (
	"math"
	"strings"
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

func TestDecodeXML(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		document string
		want     domain.ClientAttributes
	}{
		"the example of the API's document": {
			`<client> <name>Company LLC</name> <highrise-id type="integer">110011</highrise-id> <currency>United States Dollars - USD</currency> <currency-symbol>$</currency-symbol> <active type="boolean">true</active> <details>123 Main St. Third Floor</details> </client>`,
			domain.ClientAttributes{
				Name: new("Company LLC"), HighriseID: new(int64(110011)), Currency: new("United States Dollars - USD"),
				CurrencySymbol: new("$"), Active: new(true), Details: new("123 Main St. Third Floor"),
			},
		},
		"a client that names nothing":       {`<client></client>`, domain.ClientAttributes{}},
		"an empty element for a client":     {`<client/>`, domain.ClientAttributes{}},
		"names with underscores":            {`<client><highrise_id>7</highrise_id><currency_symbol>$</currency_symbol></client>`, domain.ClientAttributes{HighriseID: new(int64(7)), CurrencySymbol: new("$")}},
		"blanks and comments around":        {"\n<!-- a --><?xml-stylesheet a?>\t<client> <!-- b --> <name>A</name>\r\n</client>\n<!-- c --> <?pi d?>\n", domain.ClientAttributes{Name: new("A")}},
		"blanks inside of texts":            {"<client><name> A\n </name></client>", domain.ClientAttributes{Name: new(" A\n ")}},
		"blanks inside of numbers and so":   {"<client><highrise-id>\n7 </highrise-id><active> true\n</active></client>", domain.ClientAttributes{HighriseID: new(int64(7)), Active: new(true)}},
		"line ends as XML reads them":       {"<client><details>a\r\nb\rc&#13;d</details></client>", domain.ClientAttributes{Details: new("a\nb\nc\rd")}},
		"references and CDATA":              {`<client><name>&lt;&amp;&#x20AC;&#8364;<![CDATA[<b>&amp;&#xD800;]]>&quot;&apos;</name></client>`, domain.ClientAttributes{Name: new(`<&€€<b>&amp;&#xD800;"'`)}},
		"a comment inside of a text":        {`<client><name>A<!-- x -->B<?y?>C</name></client>`, domain.ClientAttributes{Name: new("ABC")}},
		"booleans as Rails reads them":      {`<client><active>1</active></client>`, domain.ClientAttributes{Active: new(true)}},
		"zero for false":                    {`<client><active type="boolean">0</active></client>`, domain.ClientAttributes{Active: new(false)}},
		"booleans in capitals":              {`<client><active>FALSE</active></client>`, domain.ClientAttributes{Active: new(false)}},
		"the largest highrise-id":           {`<client><highrise-id>9223372036854775807</highrise-id></client>`, domain.ClientAttributes{HighriseID: new(int64(math.MaxInt64))}},
		"a namespace":                       {`<client xmlns="urn:x"><name>A</name></client>`, domain.ClientAttributes{Name: new("A")}},
		"elements that cannot be written":   {`<client><id type="integer">5</id><created-at>x</created-at><cache-version>-1</cache-version><last-invoice-kind>a</last-invoice-kind></client>`, domain.ClientAttributes{}},
		"an element twice":                  {`<client><name>A</name><name>B</name></client>`, domain.ClientAttributes{Name: new("B")}},
		"unknown elements":                  {`<client><Name>a</Name><fax>1</fax><fax>2</fax><people type="array"><person><name>B</name></person></people></client>`, domain.ClientAttributes{}},
		"a declaration of XML 1.0":          {`<?xml version="1.0" encoding="UTF-8" standalone="yes"?><client><name>Ä</name></client>`, domain.ClientAttributes{Name: new("Ä")}},
		"a real replacement character":      {"<client><name>\uFFFD&#xFFFD;</name></client>", domain.ClientAttributes{Name: new("\uFFFD\uFFFD")}},
		"XML attributes":                    {`<client name="A &amp; B" highrise-id=" 7 " id="5" type="x"><active>0</active></client>`, domain.ClientAttributes{Name: new("A & B"), HighriseID: new(int64(7)), Active: new(false)}},
		"an element counts more":            {`<client name="A"><name>B</name></client>`, domain.ClientAttributes{Name: new("B")}},
		"XML attributes of a namespace":     {`<client xmlns:name="A" xmlns:x="u" x:name="B"/>`, domain.ClientAttributes{}},
		"attributes with any blanks":        {"<client\n a = '1'\tb=\"/>'\"\r\n><name a=\"\" >A</name ></client>", domain.ClientAttributes{Name: new("A")}},
		"nesting within bounds":             {`<client><x>` + strings.Repeat("<y>", 20) + strings.Repeat("</y>", 20) + `</x></client>`, domain.ClientAttributes{}},
		"what a GET returns, everything":    {declaration + everythingXML, attributesOf(everything())},
		"what a GET returns, full of nulls": {declaration + nullsXML, attributesOf(nulls())},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attributes, err := decodeXML([]byte(c.document), "")
			require.NoError(t, err)
			require.Equal(t, c.want, attributes)
		})
	}
}

func TestNullsInXML(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		document string
		want     domain.ClientAttributes
	}{
		"a highrise-id is cleared by nil":           {`<highrise-id type="integer" nil="true"/>`, domain.ClientAttributes{HighriseID: new(int64(0))}},
		"an end tag of its own makes no difference": {`<currency-symbol nil="true"></currency-symbol>`, domain.ClientAttributes{DeriveSymbol: true}},
		"nor do blanks":                         {"<currency-symbol nil=\"true\">\n</currency-symbol>", domain.ClientAttributes{DeriveSymbol: true}},
		"nil can be 1":                          {`<currency-symbol nil="1"/>`, domain.ClientAttributes{DeriveSymbol: true}},
		"nil can have the namespace of schemas": {`<currency-symbol xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>`, domain.ClientAttributes{DeriveSymbol: true}},
		"a highrise-id of 0 is null":            {`<highrise-id type="integer">0</highrise-id>`, domain.ClientAttributes{HighriseID: new(int64(0))}},
		"an empty number is null":               {`<highrise-id type="integer"></highrise-id>`, domain.ClientAttributes{HighriseID: new(int64(0))}},
		"nil can be false":                      {`<highrise-id nil="false">7</highrise-id>`, domain.ClientAttributes{HighriseID: new(int64(7))}},
		"a value counts more than nil":          {`<highrise-id nil="true">7</highrise-id>`, domain.ClientAttributes{HighriseID: new(int64(7))}},
		"null details are empty":                {`<details nil="true"/>`, domain.ClientAttributes{Details: new("")}},
		"a null symbol is derived":              {`<currency-symbol nil="true"/>`, domain.ClientAttributes{DeriveSymbol: true}},
		"an empty symbol is empty":              {`<currency-symbol></currency-symbol>`, domain.ClientAttributes{CurrencySymbol: new("")}},
		"an empty text is empty":                {`<name/>`, domain.ClientAttributes{Name: new("")}},
		"blank details with nil=false stay":     {`<details nil="false"> </details>`, domain.ClientAttributes{Details: new(" ")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attributes, err := decodeXML([]byte("<client>"+c.document+"</client>"), "")
			require.NoError(t, err)
			require.Equal(t, c.want, attributes)
		})
	}
}

// attributesOf returns the attributes in a document of the whole client.
func attributesOf(c *domain.Client) domain.ClientAttributes {
	return domain.ClientAttributes{
		Name: &c.Name, HighriseID: &c.HighriseID, Currency: &c.Currency, CurrencySymbol: &c.CurrencySymbol,
		Active: &c.Active, Details: &c.Details,
	}
}

// requireInvalid requires an error that can be sent to the caller as it is, in a header, too.
func requireInvalid(t *testing.T, err error) string {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, domain.Invalid, domain.KindOf(err), "%T: %v", err, err)
	requireHeaderText(t, err.Error())
	return err.Error()
}

func requireHeaderText(t *testing.T, text string) {
	t.Helper()
	require.NotEmpty(t, text)
	for _, r := range text {
		require.True(t, r >= ' ' && r < 0x7F, "not one line of ASCII: %q", text)
	}
}
