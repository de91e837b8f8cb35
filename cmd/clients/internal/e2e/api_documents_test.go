package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Requests and responses, byte for byte.
func TestDocumentsAreExactlyAsInTheAPIDocument(t *testing.T) {
	t.Parallel()
	s := shared(t)
	const declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	require.Equal(t, declaration+"<clients type=\"array\">\n</clients>\n", s.want(200, "GET", "/clients", "").body)
	require.Equal(t, "[]", s.want(200, "GET", "/clients.json", "").body)

	// The example of the API's document, and a client with nothing but a name.
	company := s.want(201, "POST", "/clients", `<client> <name>Company LLC</name> <highrise-id type="integer">110011</highrise-id> <currency>United States Dollars - USD</currency> `+
		`<currency-symbol>$</currency-symbol> <active type="boolean">true</active> <details>123 Main St. <![CDATA[<NY>]]>
&amp; more</details> </client>`, asXML).id(t)
	amp := s.want(201, "POST", "/clients", `{"client":{"name":"\"amp\" & <co>","currency":"Euro - EUR"}}`, asJSON).id(t)
	element := func(id int64) string {
		a := s.attributes(id)
		first := id == company
		return fmt.Sprintf("<client>\n  <name>%s</name>\n  <created-at type=\"datetime\">%s</created-at>\n  <updated-at type=\"datetime\">%[2]s</updated-at>\n"+
			"  %s\n  <id type=\"integer\">%d</id>\n  <cache-version type=\"integer\">0</cache-version>\n  <currency>%s</currency>\n"+
			"  <active type=\"boolean\">true</active>\n  <currency-symbol>%s</currency-symbol>\n  <details>%s</details>\n"+
			"  <default-invoice-timeframe nil=\"true\"/>\n  <last-invoice-kind nil=\"true\"/>\n</client>\n",
			pick(first, "Company LLC", `"amp" &amp; &lt;co&gt;`), a["created_at"],
			pick(first, `<highrise-id type="integer">110011</highrise-id>`, `<highrise-id type="integer" nil="true"/>`), id,
			pick(first, "United States Dollars - USD", "Euro - EUR"), pick(first, "$", "€"), pick(first, "123 Main St. &lt;NY&gt;\n&amp; more", ""))
	}
	require.Equal(t, declaration+element(company), s.want(200, "GET", path(company), "").body)
	require.Equal(t, declaration+element(amp), s.want(200, "GET", path(amp), "").body)
	require.Equal(t, declaration+"<clients type=\"array\">\n"+element(amp)+element(company)+"</clients>\n", s.want(200, "GET", "/clients", "").body)

	object := func(id int64) string {
		a, first := s.attributes(id), id == company
		return fmt.Sprintf(`{"client":{"name":%s,"created_at":"%s","updated_at":"%[2]s","highrise_id":%s,"id":%d,"cache_version":0,"currency":"%s",`+
			`"active":true,"currency_symbol":"%s","details":"%s","default_invoice_timeframe":null,"last_invoice_kind":null}}`,
			pick(first, `"Company LLC"`, `"\"amp\" & <co>"`), a["created_at"], pick(first, "110011", "null"), id,
			pick(first, "United States Dollars - USD", "Euro - EUR"), pick(first, "$", "€"), pick(first, `123 Main St. <NY>\n& more`, ""))
	}
	require.Equal(t, object(company), s.want(200, "GET", path(company)+".json", "").body)
	require.Equal(t, "["+object(amp)+","+object(company)+"]", s.want(200, "GET", "/clients.json", "").body)
	require.Regexp(t, `"created_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`, object(company))

	require.Equal(t, declaration+"<error>\n  <message>Client not found.</message>\n</error>\n", s.want(404, "GET", "/clients/999999999", "").body)
	require.Equal(t, `{"message":"Client not found."}`, s.want(404, "GET", "/clients/999999999.json", "").body)

	// A whole client sent back changes nothing.
	for _, kind := range []string{"xml", "json"} {
		for _, id := range []int64{company, amp} {
			whole := s.want(200, "GET", path(id)+"."+kind, "").body
			s.want(200, "PUT", path(id), whole, "Content-Type: application/"+kind)
			require.Equal(t, whole, s.want(200, "GET", path(id)+"."+kind, "").body)
		}
	}
}

func pick(first bool, one, other string) string {
	if first {
		return one
	}
	return other
}

// Attributes in the query string and in forms, the Rails way.
func TestRailsParameters(t *testing.T) {
	t.Parallel()
	s := shared(t)
	create := func(path, body string, headers ...string) (int64, map[string]any) {
		id := s.want(http.StatusCreated, "POST", path, body, headers...).id(t)
		return id, s.attributes(id)
	}
	id, one := create("/clients?client[name]=Supr+Corp&client%5Bhighrise-id%5D=7&client[active]=0", "")
	_, two := create("/clients", "client[name]=S%C3%BCpr+%26+Co&client[details]=a%0Ab&commit=Save", asForm)
	_, three := create("/clients?client[details]=query", `{"client":{"name":"both"}}`, asJSON)
	_, four := create("/clients", "--b\r\nContent-Disposition: form-data; name=\"client[name]\"\r\n\r\nmulti\r\n--b--\r\n", "Content-Type: multipart/form-data; boundary=b")
	require.Equal(t, []any{"Supr Corp", 7.0, false}, []any{one["name"], one["highrise_id"], one["active"]})
	require.Equal(t, []any{"Süpr & Co", "a\nb"}, []any{two["name"], two["details"]})
	require.Equal(t, []any{"both", "query"}, []any{three["name"], three["details"]})
	require.Equal(t, "multi", four["name"])
	s.want(http.StatusOK, "PUT", path(id)+"?client[active]=true", "client[highrise_id]=0", asForm)
	one = s.attributes(id)
	require.Equal(t, []any{"Supr Corp", nil, true}, []any{one["name"], one["highrise_id"], one["active"]})
	for _, body := range []string{"name=x", "client[name]=", "client[active]=maybe", "client[name]=%zz"} {
		s.want(http.StatusBadRequest, "POST", "/clients", body, asForm)
	}
}
