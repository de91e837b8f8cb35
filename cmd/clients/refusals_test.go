package main

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRefusalsAreWrittenInBothFormats(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for _, c := range []struct {
		status           int
		method, path     string
		body             string
		header1, header2 string
	}{
		{400, "POST", "/clients", "<client><name></name></client>", asXML, ""},
		{400, "POST", "/clients", `{"client":{"name":"<>&\u0007"}}`, asJSON, ""},
		{400, "PUT", path(id), "<client>", asXML, ""},
		{400, "GET", "/clients?updated_since=yesterday", "", "", ""},
		{404, "GET", path(id + 1000), "", "", ""},
		{404, "GET", "/projects", "", "", ""},
		{405, "PATCH", path(id), "", "", ""},
		{412, "PUT", path(id), "<client><name>x</name></client>", asXML, `If-Match: "1-2-xml"`},
		{413, "POST", "/clients", strings.Repeat(" ", 1<<20+1), asXML, ""},
		{415, "POST", "/clients", "hello", "Content-Type: text/plain", ""},
	} {
		headers := slices.DeleteFunc([]string{c.header1, c.header2}, func(h string) bool { return h == "" })
		inXML := a.want(c.status, c.method, c.path, c.body, append(headers, acceptXML)...)
		inJSON := a.want(c.status, c.method, c.path, c.body, append(headers, acceptJSON)...)
		message := inXML.message(t)
		require.Equal(t, message, inJSON.message(t))
		require.Regexp(t, `^<\?xml version="1.0" encoding="UTF-8"\?><error><message>[^<>]+</message></error>$`, compact(inXML.body))
		require.Len(t, fields(t, inJSON.body), 1, inJSON.body)
		for _, got := range []answer{inXML, inJSON} {
			if c.status == 400 {
				require.Equal(t, message, got.header.Get("Hint"), "every 400 has the same text there")
				require.Contains(t, got.header, "Hint", "the name is spelled so")
			} else {
				require.NotContains(t, got.header, "Hint", "%s %s", c.method, c.path)
			}
		}
	}
}

func TestRefusalOfPathsThatLeadNowhere(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for _, p := range []string{
		"/", "/client", "/clientsx", "/clients/abc", "/clients/0", "/clients/-1", "/clients/1x", "/clients/1.5", "/clients/%20",
		"/clients/9223372036854775808", "/clients/99999999999999999999999", path(id) + "/projects", togglePath(id) + "/x",
		path(id) + ".html", "/Clients", "/metrics", "/readyz", "/clients.xml.json.txt", "/clients/toggle",
	} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			got := a.want(404, method, p, "<client><name>x</name></client>", asXML)
			require.NotEmpty(t, got.message(t))
		}
	}
	require.Equal(t, []string{"SuprCorp"}, names(a.list("")))
}

func TestRefusalOfMethodsTellsWhichAreAllowed(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	last := a.tap().lastSequence()
	for _, c := range []struct {
		path    string
		allowed []string
		refused []string
	}{
		{"/clients", []string{"GET", "HEAD", "POST"}, []string{"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"}},
		{"/clients.json", []string{"GET", "HEAD", "POST"}, []string{"PUT", "DELETE", "PATCH"}},
		{path(id), []string{"DELETE", "GET", "HEAD", "PUT"}, []string{"POST", "PATCH", "OPTIONS"}},
		{path(id + 1000), []string{"DELETE", "GET", "HEAD", "PUT"}, []string{"POST"}},
		{togglePath(id), []string{"POST"}, []string{"GET", "HEAD", "DELETE", "PATCH"}},
	} {
		for _, method := range c.refused {
			got := a.want(405, method, c.path, "")
			allowed := strings.Split(got.header.Get("Allow"), ", ")
			require.Subset(t, allowed, c.allowed, "%s %s", method, c.path)
			require.NotContains(t, allowed, method, c.path)
			if method != "HEAD" {
				require.NotEmpty(t, got.message(t))
			}
		}
	}
	require.Equal(t, last, a.tap().lastSequence())
}

func TestRefusalOfBodiesPastOneMebibyte(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	const client = "<client><name>x</name></client>"
	fits := client + strings.Repeat(" ", 1<<20-len(client))
	a.want(201, "POST", "/clients", fits, asXML)
	last := a.tap().lastSequence()
	tooMuch := fits + " "
	a.want(413, "POST", "/clients", tooMuch, asXML)
	a.want(413, "PUT", path(id), tooMuch, asXML)
	a.want(413, "POST", "/clients", `{"client":{"name":"x"}}`+strings.Repeat(" ", 1<<20), asJSON)
	a.want(413, "POST", "/clients", "client[name]=x&padding="+strings.Repeat("x", 1<<20), "Content-Type: application/x-www-form-urlencoded")

	unannounced, err := http.NewRequest("POST", a.base+"/clients", io.MultiReader(strings.NewReader(tooMuch))) // no Content-Length
	require.NoError(t, err)
	unannounced.Header.Set("Content-Type", "application/xml")
	response, err := a.http.Do(unannounced)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, 413, response.StatusCode)
	require.Equal(t, last, a.tap().lastSequence())
}

func TestRefusalOfBodiesThatAreNeitherXMLNorJSONNorAForm(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	last := a.tap().lastSequence()
	for _, kind := range []string{"text/plain", "text/html", "application/octet-stream", "application/pdf", "image/svg", "application/yaml", "nonsense", "///"} {
		for _, body := range []string{"<client><name>x</name></client>", `{"client":{"name":"x"}}`, "\x00\x01"} {
			a.want(415, "POST", "/clients", body, "Content-Type: "+kind)
			a.want(415, "PUT", path(id), body, "Content-Type: "+kind)
		}
	}
	require.Equal(t, last, a.tap().lastSequence())
}

func TestRefusalsTellNothingInternal(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, body := range []string{"<client", "{", `{"client":[]}`} {
		for _, kind := range []string{asXML, asJSON} {
			message := a.want(400, "POST", "/clients", body, kind).message(t)
			for _, internal := range []string{"xml:", "json:", "offset", "goroutine", "syntax error", ".go", "EOF", "unmarshal"} {
				require.NotContains(t, strings.ToLower(message), strings.ToLower(internal))
			}
			require.True(t, json.Valid([]byte(a.want(400, "POST", "/clients.json", body, kind).body)))
		}
	}
}
