package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	xmlType  = "application/xml; charset=utf-8"
	jsonType = "application/json; charset=utf-8"
)

// Every spelling of a path, and every way to choose a format, that client libraries use.
func TestPathsAndFormats(t *testing.T) {
	t.Parallel()
	s := start(t)
	require.Equal(t, int64(1), s.create("SuprCorp"))
	for _, c := range []struct {
		request string // method and path
		headers string // separated by "; "
		status  int
		kind    string
	}{
		{"GET /clients", "", 200, xmlType},
		{"GET /clients/", "", 200, xmlType},
		{"GET /clients///", "", 200, xmlType},
		{"GET //clients", "", 200, xmlType},
		{"GET /clients?", "", 200, xmlType},
		{"GET /clients/?", "", 200, xmlType},
		{"GET /clients?page=2&of_user=1", "", 200, xmlType},
		{"GET /clients.xml", "Accept: application/json", 200, xmlType},
		{"GET /clients.json", "Accept: application/xml", 200, jsonType},
		{"GET /clients.json/", "", 200, jsonType},
		{"GET /clients/1", "", 200, xmlType},
		{"GET /clients//1", "", 200, xmlType},
		{"GET //clients//1//", "", 200, xmlType},
		{"GET /clients/1/", "", 200, xmlType},
		{"GET /clients/1?", "", 200, xmlType},
		{"GET /clients/1.json", "", 200, jsonType},
		{"GET /clients/1.xml?updated_since=never", "", 200, xmlType},
		{"GET /clients//1.json", "", 200, jsonType},
		{"GET /clients", "Accept: application/json", 200, jsonType},
		{"GET /clients", "Accept: text/json", 200, jsonType},
		{"GET /clients", "Accept: text/xml", 200, xmlType},
		{"GET /clients", "Accept: */*", 200, xmlType},
		{"GET /clients", "Accept: text/html", 200, xmlType},
		{"GET /clients", "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 200, xmlType},
		{"GET /clients", "Accept: image/png", 200, xmlType},
		{"GET /clients", "Accept: nonsense", 200, xmlType},
		{"GET /clients", "Accept: application/xml;q=0.5, application/json", 200, jsonType},
		{"GET /clients", "Content-Type: application/json", 200, jsonType},
		{"GET /clients", "Content-Type: application/json; charset=utf-8", 200, jsonType},
		{"GET /clients", "Content-Type: application/xml", 200, xmlType},
		{"GET /clients", "Content-Type: application/json; Accept: application/xml", 200, xmlType},
		{"GET /clients", "Content-Type: application/json; Accept: */*", 200, jsonType},
		{"GET /clients", "Content-Type: application/json; Accept: text/html", 200, xmlType},
		{"HEAD /clients", "", 200, xmlType},
		{"HEAD /clients/1.json", "", 200, jsonType},
		{"HEAD /clients/2", "", 404, xmlType},
		{"PUT /clients//1", "", 200, ""},
		{"PUT /clients/1/", "", 200, ""},
		{"PUT //clients//1.json", "", 200, ""},
		{"POST /clients//1//toggle", "", 200, ""},
		{"POST /clients/1/toggle/", "", 200, ""},
		{"POST /clients/1/toggle?", "", 200, ""},
		{"POST /clients/1/toggle.json", "", 200, ""},
		{"POST /clients/1.xml/toggle", "", 200, ""},
		{"PUT /clients/1/toggle", "", 200, ""},
		{"GET /clients/2", "", 404, xmlType},
		{"GET /clients/0", "", 404, xmlType},
		{"GET /clients/-1", "", 404, xmlType},
		{"GET /clients/one.json", "", 404, jsonType},
		{"GET /clients/9223372036854775808", "", 404, xmlType},
		{"GET /clients/1/projects", "", 404, xmlType},
		{"GET /", "", 404, xmlType},
		{"GET /projects", "Accept: application/json", 404, jsonType},
		{"POST /clients/2/toggle", "", 404, xmlType},
		{"DELETE /clients/2", "Accept: application/json", 404, jsonType},
		{"GET /clients?updated_since=never", "", 400, xmlType},
	} {
		method, path, _ := strings.Cut(c.request, " ")
		var headers []string
		if c.headers != "" {
			headers = strings.Split(strings.ReplaceAll(c.headers, "; charset", ";charset"), "; ")
		}
		r := s.want(c.status, method, path, "", headers...)
		require.Equal(t, c.kind, r.header.Get("Content-Type"), "%s %s", c.request, c.headers)
		switch {
		case c.kind == "":
			require.Empty(t, r.body, c.request)
			require.Equal(t, "/clients/1", r.header.Get("Location"), c.request)
			require.NotEmpty(t, r.header.Get("ETag"), c.request)
		case c.status >= 400 && method != "HEAD":
			require.Equal(t, c.status == 400, r.header.Get("Hint") == r.message(t), c.request)
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	s := start(t)
	require.Equal(t, int64(1), s.create("SuprCorp"))
	for path, allowed := range map[string]string{
		"/clients": "GET, HEAD, POST", "/clients//": "GET, HEAD, POST", "/clients/1": "DELETE, GET, HEAD, PUT", "/clients/99": "DELETE, GET, HEAD, PUT",
		"/clients/1/toggle": "POST, PUT", "/account/who_am_i": "GET, HEAD", "/account/rate_limit_status": "GET, HEAD",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"} {
			if strings.Contains(allowed, method) {
				continue
			}
			r := s.want(http.StatusMethodNotAllowed, method, path, "")
			require.Equal(t, allowed, r.header.Get("Allow"), "%s %s", method, path)
		}
	}
	require.Equal(t, "SuprCorp", s.attributes(1)["name"])
}

// A body that a request has no use for is tolerated.
func TestBodiesNobodyReads(t *testing.T) {
	t.Parallel()
	s := start(t)
	require.Equal(t, int64(1), s.create("SuprCorp"))
	for _, body := range []string{"", "{}", "not JSON", "<client>", strings.Repeat("x", 100_000)} {
		for _, kind := range []string{asJSON, asXML, "Content-Type: application/x-www-form-urlencoded", "Content-Type: image/png"} {
			s.want(200, "GET", "/clients", body, kind)
			s.want(200, "GET", "/clients/1", body, kind)
			s.want(200, "POST", "/clients/1/toggle", body, kind)
			s.want(200, "PUT", "/clients/1/toggle", body, kind)
			s.want(200, "DELETE", path(s.create("x")), body, kind)
		}
	}
}
