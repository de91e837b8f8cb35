package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each kind of refusal has the same text in both formats, without internals, and stores nothing. Other faults of documents are
// tested with the decoders.
func TestRefusalsHaveTheirReasonInBothFormats(t *testing.T) {
	t.Parallel()
	a := shared(t)
	id := a.create("SuprCorp")
	before, stored := a.get(id), a.stored()
	const csv = "Content-Type: text/csv"
	one, many := path(id), strings.Repeat("<a>", 20_000)
	for _, c := range []struct {
		status       int
		method, path string
		body         string
		headers      []string
	}{
		{400, "POST", "/clients", "", nil},
		{400, "POST", "/clients", "<client/>", nil},
		{400, "POST", "/clients", "<client><id>1</id></client>", nil},
		{400, "POST", "/clients", `{"client":{"Name":"x"}}`, []string{asJSON}},
		{400, "POST", "/clients", "name=x", []string{asForm}},
		{400, "POST", "/clients", "--b\r\nbroken", []string{"Content-Type: multipart/form-data; boundary=b"}},
		{400, "POST", "/clients", "no boundary", []string{"Content-Type: multipart/form-data"}},
		{400, "GET", "/clients?updated_since=yesterday", "", nil},
		{400, "PUT", one, "<client", nil},
		{400, "PUT", one, "<client>" + many + "</client>", nil},
		{400, "PUT", one, "<client><name>\t\n\u00a0\u2003</name></client>", nil},
		{400, "PUT", one, "<client><name>x&#xFFFF;</name></client>", nil},
		{400, "PUT", one, "<client><details>&#8;</details></client>", nil},
		{400, "PUT", one, "{", []string{asJSON}},
		{400, "PUT", one, `{"client":[]}`, []string{asJSON}},
		{400, "PUT", one, `{"client":{"name":"<>&\u0007"}}`, []string{asJSON}},
		{400, "PUT", one, `{"client":{"details":"\uffff"}}`, []string{asJSON}},
		{400, "PUT", one, `{"client":{"details":"\ud83d"}}`, []string{asJSON}},
		{400, "PUT", one, `{"client":{"a":` + strings.Repeat("[", 20_000) + `}}`, []string{asJSON}},
		{400, "PUT", one + "?client[name]=x%00", "", nil},
		{400, "PUT", one + "?client[name]=x%FF", "", nil},
		{400, "PUT", one + "?client[currency]=+", "", nil},
		{404, "GET", path(id + 1_000_000), "", nil},
		{404, "GET", "/projects", "", nil},
		{405, "PATCH", one, "", nil},
		{412, "PUT", one, suprCorp, []string{`If-Match: "1-2-xml"`}},
		{413, "POST", "/clients", strings.Repeat(" ", 1<<20+1), nil},
		{413, "PUT", one, `{"client":{}}` + strings.Repeat(" ", 1<<20), []string{asJSON}},
		{413, "POST", "/clients", "client[name]=x&padding=" + strings.Repeat("x", 1<<20), []string{asForm}},
		{415, "POST", "/clients", "hello", []string{"Content-Type: text/plain"}},
		{415, "POST", "/clients", suprCorp, []string{csv}},
		{415, "PUT", one, `{"client":{"name":"x"}}`, []string{"Content-Type: application/octet-stream"}},
		{415, "PUT", one, suprCorp, []string{"Content-Type: ///"}},
	} {
		if !slices.ContainsFunc(c.headers, func(h string) bool { return strings.HasPrefix(h, "Content-Type: ") }) {
			c.headers = append(c.headers, asXML)
		}
		inXML := a.want(c.status, c.method, c.path, c.body, append(c.headers, acceptXML)...)
		inJSON := a.want(c.status, c.method, c.path, c.body, append(c.headers, acceptJSON)...)
		message := inXML.message(t)
		require.Equal(t, message, inJSON.message(t))
		require.Regexp(t, `^<\?xml version="1.0" encoding="UTF-8"\?>\n<error>\n  <message>[^<>]+</message>\n</error>\n$`, inXML.body)
		require.Len(t, fields(t, inJSON.body), 1)
		for _, r := range []response{inXML, inJSON} {
			require.Equal(t, c.status == 400, r.header["Hint"] != nil, "%s %s %.100q", c.method, c.path, c.body)
			require.Contains(t, []string{"", message}, r.header.Get("Hint"))
			require.Empty(t, r.header.Get("Location"))
		}
		for _, internal := range []string{"xml:", "json:", "offset", "goroutine", "syntax error", ".go", "eof", "unmarshal"} {
			require.NotContains(t, strings.ToLower(message), internal)
		}
		require.True(t, json.Valid([]byte(inJSON.body)))
	}
	for body, kind := range map[string]string{"": asXML, "<client/>": asXML, `{"client":{}}`: asJSON, "client[details]=x": asForm} {
		require.Contains(t, a.want(400, "POST", "/clients", body, kind).message(t), "Name")
	}
	require.Equal(t, stored, a.stored())
	require.Equal(t, before, a.get(id))
}
