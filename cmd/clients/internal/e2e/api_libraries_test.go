package e2e_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// library is how a client library of the original service sends its requests, as its source has it: create, show, list what
// has changed, update, toggle twice, delete. "ID" stands for the id that it reads from the Location.
type library struct {
	headers []string
	login   string // before the encoded credentials; Latin-1 if that is the library's encoding
	latin1  bool
	calls   [][3]string // method, path, body
}

var libraries = map[string]library{
	"HaPi (PHP)": {[]string{"User-Agent: PHP Wrapper Library for Harvest API", "Accept: application/xml", asXML}, "Basic (%s)", false, [][3]string{
		{"GET", "/account/rate_limit_status", ""},
		{"POST", "/clients", "<client><name>One &amp; Co</name><details></details></client>"},
		{"GET", "/clients/ID", ""},
		{"GET", "/clients?updated_since=2010-09-25+8%3A30", ""},
		{"PUT", "/clients/ID", "<client><id>ID</id><name>Two</name></client>"},
		{"PUT", "/clients/ID/toggle", ""},
		{"PUT", "/clients/ID/toggle", ""},
		{"DELETE", "/clients/ID", ""},
	}},
	"harvested (Ruby)": {[]string{"User-Agent: Harvested/4.0.0", acceptJSON, "Content-Type: application/json; charset=utf-8"}, "Basic %s", false, [][3]string{
		{"GET", "/account/who_am_i", ""},
		{"POST", "/clients", `{"client":{"name":"One & Co","highrise_id":""}}`},
		{"GET", "/clients/ID", ""},
		{"GET", "/clients?updated_since=2010-09-25%2018:30:00%20%2B0000", ""},
		{"PUT", "/clients/ID", `{"client":{"active":true,"created_at":"2010-09-25T18:30:00Z","currency":"Euro - EUR","details":"","highrise_id":null,"id":ID,"name":"Two"}}`},
		{"POST", "/clients/ID/toggle", ""},
		{"POST", "/clients/ID/toggle", ""},
		{"DELETE", "/clients/ID", ""},
	}},
	"python-harvest": {[]string{"User-Agent: Mozilla/5.0", acceptJSON, asJSON}, "Basic %s", true, [][3]string{
		{"GET", "/account/who_am_i", ""},
		{"POST", "/clients/", `{"client": {"name": "One & Co", "active": "true", "highrise_id": "7"}}`},
		{"GET", "/clients/ID", ""},
		{"GET", "/clients?updated_since=2010-09-25 18:30", ""},
		{"PUT", "/clients/ID", `{"client": {"name": "Two", "details": 5}}`},
		{"POST", "/clients/ID/toggle", ""},
		{"POST", "/clients/ID/toggle", ""},
		{"DELETE", "/clients/ID", ""},
	}},
	"node-harvest": {[]string{"User-Agent: Restler for node.js", acceptJSON, asJSON}, "Basic %s", false, [][3]string{
		{"GET", "/account/who_am_i", "{}"},
		{"POST", "/clients", `{"client":{"name":"One & Co","active":1}}`},
		{"GET", "/clients/ID", "{}"},
		{"GET", "/clients", "{}"},
		{"PUT", "/clients/ID", `{"client":{"name":"Two"}}`},
		{"POST", "/clients/ID/toggle", "{}"},
		{"POST", "/clients/ID/toggle", "{}"},
		{"DELETE", "/clients/ID", "{}"},
	}},
	"Harvest.Net": {[]string{"User-Agent: RestSharp/106.3.1.0", "Accept: application/json, text/json, text/x-json, text/javascript, application/xml, text/xml", asXML, "Accept-Encoding: deflate"}, "Basic %s", false, [][3]string{
		{"GET", "/account/who_am_i", ""},
		{"POST", "/clients", "<client>\r\n  <name>One &amp; Co</name>\r\n  <highrise-id>0</highrise-id>\r\n  <active>True</active>\r\n</client>"},
		{"GET", "/clients/ID", ""},
		{"GET", "/clients?updated_since=2010-09-25 18:30", ""},
		{"PUT", "/clients/ID", "<client>\r\n  <name>Two</name>\r\n</client>"},
		{"POST", "/clients/ID/toggle", ""},
		{"POST", "/clients/ID/toggle", ""},
		{"DELETE", "/clients/ID", ""},
	}},
	"a ColdFusion client": {[]string{"User-Agent: ColdFusion", "Accept: application/xml", "Content-Type: application/xml; charset=UTF-8"}, "Basic %s", false, [][3]string{
		{"GET", "/clients/", ""},
		{"POST", "/clients/", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<client><name>One &amp; Co</name><highrise-id type=\"integer\">0</highrise-id></client>"},
		{"GET", "/clients//ID", ""},
		{"GET", "/clients/?updated_since=", ""},
		{"PUT", "/clients//ID", "<client><name>Two</name></client>"},
		{"POST", "/clients//ID/toggle", ""},
		{"POST", "/clients//ID/toggle/", ""},
		{"DELETE", "/clients//ID", ""},
	}},
}

var location = regexp.MustCompile(`\r\nLocation: /clients/(\d+)\r\n`)

func TestClientLibraries(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_CREDENTIALS_DIR="+credentials(t, 4, "jörg@example.com:pässword"))
	for name, l := range libraries {
		credential := "jörg@example.com:pässword"
		if l.latin1 {
			credential = "j\xf6rg@example.com:p\xe4ssword"
		}
		headers := append(l.headers, "Authorization: "+fmt.Sprintf(l.login, base64.StdEncoding.EncodeToString([]byte(credential))))
		id := ""
		for i, call := range l.calls {
			method, path, body := call[0], strings.ReplaceAll(call[1], "ID", id), strings.ReplaceAll(call[2], "ID", id)
			response := s.raw(method, strings.ReplaceAll(path, " ", "%20"), body, headers...)
			what := fmt.Sprintf("%s: %s %s: %s", name, method, path, response)
			require.Regexp(t, `^HTTP/1\.1 20[01] `, response, what)
			_, content, _ := strings.Cut(response, "\r\n\r\n")
			switch {
			case i == 2:
				require.Contains(t, content, "One &", what)
			case i == 3:
				require.Regexp(t, `<client>|^\[\{"client":`, content, what)
			case method != "GET":
				require.Empty(t, content, what)
				require.NotContains(t, response, "Content-Type:", what)
			}
			if method == "POST" && id == "" {
				id = location.FindStringSubmatch(response)[1]
			}
		}
		require.Equal(t, "[]", s.as("jörg@example.com:pässword").want(200, "GET", "/clients.json", "").body, name)
	}
}
