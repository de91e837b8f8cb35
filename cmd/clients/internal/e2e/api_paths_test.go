package e2e_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	xmlType  = "application/xml; charset=utf-8"
	jsonType = "application/json; charset=utf-8"
)

var idInPath = regexp.MustCompile(`/1(\D|$)`)

// Every spelling of a path, and every way to choose a format, that client libraries use.
func TestPathsChooseTheFormat(t *testing.T) {
	t.Parallel()
	s := shared(t)
	one := path(s.create("SuprCorp"))
	named := func(p string) string { // with the client's id in the place of 1
		return idInPath.ReplaceAllString(p, one[len("/clients"):]+"$1")
	}
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
		{"HEAD /clients/999999999", "", 404, xmlType},
		{"PUT /clients//1", "", 200, ""},
		{"PUT /clients/1/", "", 200, ""},
		{"PUT //clients//1.json", "", 200, ""},
		{"POST /clients//1//toggle", "", 200, ""},
		{"POST /clients/1/toggle/", "", 200, ""},
		{"POST /clients/1/toggle?", "", 200, ""},
		{"POST /clients/1/toggle.json", "", 200, ""},
		{"POST /clients/1.xml/toggle", "", 200, ""},
		{"PUT /clients/1/toggle", "", 200, ""},
		{"GET /clients/999999999", "", 404, xmlType},
		{"GET /clients/0", "", 404, xmlType},
		{"GET /clients/-1", "", 404, xmlType},
		{"GET /clients/one.json", "", 404, jsonType},
		{"GET /clients/9223372036854775808", "", 404, xmlType},
		{"GET /clients/1/projects", "", 404, xmlType},
		{"PUT /clients/1.html", "", 404, xmlType},
		{"GET /clients/1x", "", 404, xmlType},
		{"POST /clients/1/toggle/x", "", 404, xmlType},
		{"DELETE /clients/toggle", "", 404, xmlType},
		{"GET /clients.xml.json.txt", "", 404, xmlType},
		{"GET /Clients", "", 404, xmlType},
		{"POST /client", "", 404, xmlType},
		{"GET /metrics", "", 404, xmlType},
		{"GET /readyz", "", 404, xmlType},
		{"GET /", "", 404, xmlType},
		{"GET /projects", "Accept: application/json", 404, jsonType},
		{"POST /clients/999999999/toggle", "", 404, xmlType},
		{"DELETE /clients/999999999", "Accept: application/json", 404, jsonType},
		{"GET /clients?updated_since=never", "", 400, xmlType},
	} {
		method, target, _ := strings.Cut(c.request, " ")
		var headers []string
		if c.headers != "" {
			headers = strings.Split(strings.ReplaceAll(c.headers, "; charset", ";charset"), "; ")
		}
		r := s.want(c.status, method, named(target), "", headers...)
		require.Equal(t, c.kind, r.header.Get("Content-Type"), "%s %s", c.request, c.headers)
		switch {
		case c.kind == "":
			require.Empty(t, r.body, c.request)
			require.Equal(t, one, r.header.Get("Location"), c.request)
			require.NotEmpty(t, r.header.Get("ETag"), c.request)
		case c.status >= 400 && method != "HEAD":
			require.Equal(t, c.status == 400, r.header.Get("Hint") == r.message(t), c.request)
		}
	}
}

func TestOtherMethodsAreRefusedWithAllow(t *testing.T) {
	t.Parallel()
	s := shared(t)
	one := path(s.create("SuprCorp"))
	for path, allowed := range map[string]string{
		"/clients": "GET, HEAD, POST", "/clients//": "GET, HEAD, POST", one: "DELETE, GET, HEAD, PUT", "/clients/999999999": "DELETE, GET, HEAD, PUT",
		one + "/toggle": "POST, PUT", "/account/who_am_i": "GET, HEAD", "/account/rate_limit_status": "GET, HEAD",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"} {
			if strings.Contains(allowed, method) {
				continue
			}
			r := s.want(http.StatusMethodNotAllowed, method, path, "")
			require.Equal(t, allowed, r.header.Get("Allow"), "%s %s", method, path)
		}
	}
	require.Contains(t, s.want(200, "GET", one, "").body, "<name>SuprCorp</name>")
}

// A body is ignored if the request needs none.
func TestUnneededBodiesAreIgnored(t *testing.T) {
	t.Parallel()
	s := shared(t)
	one := path(s.create("SuprCorp"))
	for _, body := range []string{"", "{}", "not JSON", "<client>", strings.Repeat("x", 100_000)} {
		for _, kind := range []string{asJSON, asXML, "Content-Type: application/x-www-form-urlencoded", "Content-Type: image/png"} {
			s.want(200, "GET", "/clients", body, kind)
			s.want(200, "GET", one, body, kind)
			s.want(200, "POST", one+"/toggle", body, kind)
			s.want(200, "PUT", one+"/toggle", body, kind)
			s.want(200, "DELETE", path(s.create("x")), body, kind)
		}
	}
}
