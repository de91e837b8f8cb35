package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// format is what an answer is written in.
func (a answer) format() string {
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	return strings.TrimPrefix(kind, "application/")
}

// The suffix decides, else Accept, else the request's Content-Type, else it is XML.
func TestFormatOfAnswers(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for _, c := range []struct {
		suffix  string
		headers []string
		want    string
	}{
		{"", nil, "xml"},
		{".xml", nil, "xml"},
		{".json", nil, "json"},
		{"", []string{acceptXML}, "xml"},
		{"", []string{acceptJSON}, "json"},
		{"", []string{"Accept: text/xml"}, "xml"},
		{"", []string{"Accept: */*"}, "xml"},
		{"", []string{asJSON}, "json"},
		{"", []string{asXML}, "xml"},
		{"", []string{"Accept: */*", asJSON}, "json"},
		{"", []string{"Content-Type: application/json; charset=utf-8"}, "json"},

		{".xml", []string{acceptJSON, asJSON}, "xml"},
		{".json", []string{acceptXML, asXML}, "json"},
		{"", []string{acceptXML, asJSON}, "xml"},
		{"", []string{acceptJSON, asXML}, "json"},

		{"", []string{"Accept: text/html"}, "xml"},
		{"", []string{"Accept: text/html", asJSON}, "xml"},
		{"", []string{"Accept: image/png, text/plain"}, "xml"},
		{".json", []string{"Accept: text/html"}, "json"},
		{"", []string{"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "xml"},
		{"", []string{"Accept: application/json, text/plain, */*"}, "json"},
		{"", []string{"Accept: application/xml;q=0.5, application/json"}, "json"},
		{"", []string{"Accept: application/json;q=0.5, application/xml"}, "xml"},
		{"", []string{"Accept: text/html, application/json;q=0.9"}, "json"},
		{"", []string{"Accept: application/json;q=0"}, "xml"},
		{"", []string{"Accept: application/json", "Accept: application/xml;q=0.1"}, "json"},
		{"", []string{"Accept: APPLICATION/JSON"}, "json"},
		{"", []string{"Accept: ;;;,,"}, "xml"},
	} {
		for _, p := range []string{"/clients", path(id)} {
			require.Equal(t, c.want, a.want(200, "GET", p+c.suffix, "", c.headers...).format(), "GET %s%s %q", p, c.suffix, c.headers)
		}
		require.Equal(t, c.want, a.want(404, "GET", "/clients/999999"+c.suffix, "", c.headers...).format(), "404 %s %q", c.suffix, c.headers)
		require.Equal(t, c.want, a.want(405, "PATCH", path(id)+c.suffix, "", c.headers...).format(), "405 %s %q", c.suffix, c.headers)
	}
}

// A body is read as its Content-Type says, however the answer is to be written.
func TestFormatOfBodiesDoesNotDependOnTheAnswers(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, c := range []struct{ path, body, kind, accept, refusal string }{
		{"/clients.xml", `{"client":{"name":" "}}`, asJSON, acceptJSON, "xml"},
		{"/clients.json", `<client><name> </name></client>`, asXML, acceptXML, "json"},
		{"/clients", `{"client":{"name":" "}}`, asJSON, acceptXML, "xml"},
		{"/clients", `<client><name> </name></client>`, asXML, acceptJSON, "json"},
		{"/clients", `{"client":{"name":" "}}`, "Content-Type: application/vnd.api+json", "Accept: */*", "json"},
	} {
		got := a.want(400, "POST", c.path, c.body, c.kind, c.accept)
		require.Equal(t, c.refusal, got.format())
		require.Contains(t, got.message(t), "Name")
		a.want(201, "POST", c.path, strings.Replace(c.body, " ", "x", 1), c.kind, c.accept)
	}
}

func TestFormatOfBodiesWithoutContentType(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, kind := range [][]string{nil, {"Content-Type: application/x-www-form-urlencoded"}} { // the latter is curl -d
		require.Equal(t, "XML", a.get(a.want(201, "POST", "/clients", " <client><name>XML</name></client>", kind...).id(t)).Name)
		require.Equal(t, "JSON", a.get(a.want(201, "POST", "/clients", ` {"client":{"name":"JSON"}}`, kind...).id(t)).Name)
	}
}

func TestFormatOfBodiesInOtherEncodings(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, c := range []struct{ body, kind string }{
		{"\xEF\xBB\xBF<client><name>Müller</name></client>", asXML},
		{"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><client><name>M\xFCller</name></client>", asXML},
		{"<client><name>M\xFCller</name></client>", "Content-Type: application/xml; charset=iso-8859-1"},
		{"<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\n<!-- note --><client><name>M&#252;ller</name></client>\n", asXML},
		{"<client><name><![CDATA[Müller]]></name></client>", asXML},
		{`{"client":{"name":"M\u00fcller"}}`, asJSON},
	} {
		require.Equal(t, "Müller", a.get(a.want(201, "POST", "/clients", c.body, c.kind).id(t)).Name, "%q", c.body)
	}
}

func TestPathsMayEndInSlashesAndABareQuestionMark(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	for _, end := range []string{"/", "//", "?", "/?"} {
		for _, suffix := range []string{"", ".xml", ".json"} {
			a.want(200, "GET", "/clients"+suffix+end, "")
			a.want(200, "GET", path(id)+suffix+end, "")
			a.want(200, "PUT", path(id)+suffix+end, "<client/>", asXML)
			a.want(200, "POST", togglePath(id)+suffix+end, "")
			created := a.want(201, "POST", "/clients"+suffix+end, "<client><name>x</name></client>", asXML).id(t)
			a.want(200, "DELETE", path(created)+suffix+end, "")
		}
	}
}
