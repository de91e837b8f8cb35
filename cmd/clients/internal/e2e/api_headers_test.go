package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// raw sends a request unchanged and returns the response as received. Some libraries compare names of headers with case;
// net/http would hide how they are spelled.
func (c *client) raw(method, path, body string, headers ...string) string {
	c.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
	require.NoError(c.t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n%s",
		method, path, len(body), strings.Join(append(headers, ""), "\r\n"), body)
	require.NoError(c.t, err)
	content, err := io.ReadAll(conn)
	require.NoError(c.t, err)
	return string(content)
}

func TestHeadersOnTheWire(t *testing.T) {
	t.Parallel()
	s := start(t)
	guarded := start(t, "CLIENTS_CREDENTIALS_DIR="+credentials(t, 4, "ann:right"))
	js := s.partner(t)
	long := `{"client":{"name":"Long","details":"` + strings.Repeat("x", 1000) + `"}}`
	const etag = `ETag: "[0-9a-f]+-[0-9a-f]+-(xml|json)"`
	for _, c := range []struct {
		method, path, body string
		headers            []string
		want               []string // patterns of whole lines
		without            string   // names of headers
	}{
		{"POST", "/clients", `{"client":{"name":"SuprCorp"}}`, []string{asJSON}, []string{"HTTP/1.1 201 Created", "Location: /clients/1", etag, "Content-Length: 0"}, "Content-Type"},
		{"POST", "/clients", "<client><name>Needed</name></client>", []string{asXML}, []string{"HTTP/1.1 201 Created", "Location: /clients/2", etag, "Content-Length: 0"}, "Content-Type"},
		{"POST", "/clients.json", long, []string{asJSON, "Accept-Encoding: gzip"}, []string{"HTTP/1.1 201 Created", "Location: /clients/3", etag, "Content-Length: 0"}, "Content-Type Content-Encoding"},
		{"PUT", "/clients/1", `{"client":{"details":"x"}}`, []string{asJSON}, []string{"HTTP/1.1 200 OK", "Location: /clients/1", etag, "Content-Length: 0"}, "Content-Type"},
		{"POST", "/clients/1/toggle", "", nil, []string{"HTTP/1.1 200 OK", "Location: /clients/1", etag, "Content-Length: 0"}, "Content-Type"},
		{"PUT", "/clients/1/toggle", "", []string{acceptJSON}, []string{"HTTP/1.1 200 OK", "Location: /clients/1", etag, "Content-Length: 0"}, "Content-Type"},
		{"GET", "/clients/1", "", nil, []string{"HTTP/1.1 200 OK", etag, "Content-Type: application/xml; charset=utf-8", "Vary: Accept.*"}, "Location"},
		{"GET", "/clients", "", []string{acceptJSON}, []string{"HTTP/1.1 200 OK", etag, "Content-Type: application/json; charset=utf-8", "Vary: Accept.*"}, ""},
		{"GET", "/clients/3", "", []string{"Accept-Encoding: gzip"}, []string{"HTTP/1.1 200 OK", `ETag: "[0-9a-f]+-[0-9a-f]+-xml-gzip"`, "Content-Encoding: gzip", "Vary: Accept-Encoding"}, ""},
		{"HEAD", "/clients/1", "", nil, []string{"HTTP/1.1 200 OK", etag, `Content-Length: [1-9]\d*`}, ""},
		{"GET", "/clients/1", "", []string{"If-None-Match: *"}, []string{"HTTP/1.1 304 Not Modified", etag}, "Content-Type Content-Length"},
		{"GET", "/clients", "", []string{"If-None-Match: *"}, []string{"HTTP/1.1 304 Not Modified", etag}, "Content-Type Content-Length"},
		{"POST", "/clients", "<client/>", []string{asXML}, []string{"HTTP/1.1 400 Bad Request", "Hint: Name can't be blank.", "Content-Type: application/xml; charset=utf-8"}, "ETag Location"},
		{"DELETE", "/clients/2", "", []string{acceptJSON}, []string{"HTTP/1.1 400 Bad Request", "Hint: .*1 active project.*", "Content-Type: application/json; charset=utf-8"}, "ETag Location"},
		{"POST", "/clients/2/toggle", "", nil, []string{"HTTP/1.1 400 Bad Request", "Hint: .*1 active project.*"}, "ETag Location"},
		{"PUT", "/clients/2", `{"client":{"active":false}}`, []string{asJSON}, []string{"HTTP/1.1 400 Bad Request", "Hint: .*1 active project.*"}, "ETag Location"},
		{"DELETE", "/clients/1", "", nil, []string{"HTTP/1.1 200 OK", "Content-Length: 0"}, "Content-Type ETag Location"},
		{"PATCH", "/clients", "", nil, []string{"HTTP/1.1 405 Method Not Allowed", "Allow: GET, HEAD, POST"}, "Hint"},
	} {
		if c.path == "/clients/2" && c.method == "DELETE" {
			project(t, js, "ProjectCreated", 7, `"client_id":2`)
		}
		head, body, _ := strings.Cut(s.raw(c.method, c.path, c.body, c.headers...), "\r\n\r\n")
		for _, line := range c.want {
			require.Regexp(t, "(^|\n)"+line+"(\r|$)", head, "%s %s", c.method, c.path)
		}
		for name := range strings.FieldsSeq(c.without) {
			require.NotRegexp(t, "(?i)\n"+name+":", head, "%s %s", c.method, c.path)
		}
		require.NotRegexp(t, "Etag:|Www-Authenticate:", head)
		require.Equal(t, strings.Contains(head, "Content-Type:") && c.method != "HEAD", body != "", "%s %s: %s", c.method, c.path, head)
	}
	for _, headers := range [][]string{nil, {"Authorization: Basic YW5uOndyb25n"}, {"Authorization: Bearer x"}} {
		require.Regexp(t, regexp.MustCompile(`(?s)^HTTP/1.1 401 Unauthorized\r\n.*\r\nWWW-Authenticate: Basic realm="[^"]+", charset="UTF-8"\r\n`), guarded.raw("GET", "/clients", "", headers...))
	}
}

func TestConditionsAreComparedWithTheClient(t *testing.T) {
	t.Parallel()
	s := shared(t)
	id := s.create("SuprCorp")
	one, missing := path(id), path(id+1_000_000)
	tag := func(path string) string {
		etag := s.want(http.StatusOK, http.MethodGet, path, "").header.Get("ETag")
		require.Regexp(t, `^"[^"]+"$`, etag)
		return etag
	}
	old := tag(one + ".xml")
	require.NotEqual(t, old, tag(one+".json"))
	s.want(http.StatusOK, http.MethodPut, one, `{"client":{"details":"new"}}`, asJSON, "If-Match: "+tag(one+".json"))
	asXMLNow, asJSONNow := tag(one+".xml"), tag(one+".json")
	require.NotEqual(t, old, asXMLNow)
	stored := s.stored()
	for _, c := range []struct {
		status                  int
		method, path, condition string
	}{
		{304, "GET", one, "If-None-Match: " + asXMLNow},
		{304, "GET", one, "If-None-Match: W/" + asXMLNow},
		{304, "GET", one, `If-None-Match: "x", ` + asXMLNow},
		{304, "GET", one, "If-None-Match: *"},
		{304, "HEAD", one, "If-None-Match: " + asXMLNow},
		{200, "GET", one, "If-None-Match: " + asJSONNow},
		{200, "GET", one, "If-None-Match: " + old},
		{304, "GET", "/clients", "If-None-Match: " + tag("/clients")},
		{412, "PUT", one, "If-None-Match: *"},
		{404, "PUT", missing, "If-None-Match: *"},
		{412, "POST", togglePath(id), "If-None-Match: *"},
		{412, "DELETE", one, "If-None-Match: *"},
		{412, "PUT", one, "If-Match: " + old},
		{412, "PUT", one, `If-Match: "nonsense"`},
		{412, "PUT", one, `If-Match: ""`},
		{412, "PUT", one, "If-Match: nonsense"},
		{412, "PUT", one, "If-Match: W/" + asXMLNow},
		{404, "PUT", missing, "If-Match: *"},
		{412, "POST", togglePath(id), "If-Match: " + old},
		{412, "DELETE", one, "If-Match: " + old},
		{200, "PUT", one, "If-Match: " + asXMLNow},
		{200, "PUT", one, "If-Match: " + asJSONNow},
		{200, "PUT", one, "If-Match: *"},
		{200, "PUT", one, `If-Match: "x", ` + asJSONNow},
		{201, "POST", "/clients", "If-None-Match: *"},
		{200, "POST", togglePath(id), "If-Match: " + asJSONNow},
	} {
		r := s.want(c.status, c.method, c.path, map[string]string{"PUT": `{"client":{"name":"SuprCorp"}}`, "POST": `{"client":{"name":"Other"}}`}[c.method], asJSON, "Accept: application/xml", c.condition)
		if c.status == 412 {
			require.NotEmpty(t, r.message(t))
			require.Empty(t, r.header.Get("Hint"))
			require.Equal(t, stored, s.stored())
		}
	}
	require.Equal(t, "new", s.attributes(id)["details"])
	r := s.want(http.StatusOK, http.MethodPut, one, `{"client":{"details":"newer"}}`, asJSON, "Accept: application/xml")
	require.Equal(t, tag(one+".xml"), r.header.Get("ETag"), "PUT returns the new one")
	r = s.want(http.StatusOK, http.MethodPost, togglePath(id), "", acceptJSON)
	require.Equal(t, tag(one+".json"), r.header.Get("ETag"), "as does toggle")
	s.want(http.StatusOK, http.MethodDelete, one, "", "If-Match: "+tag(one+".json"))
}
