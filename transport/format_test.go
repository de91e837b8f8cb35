package transport

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	const xmlType, jsonType = "application/xml", "application/json"
	for name, c := range map[string]struct {
		suffix      string
		accept      []string
		contentType string
		want        format
	}{
		"XML where nothing is said":                      {"", nil, "", formatXML},
		"the suffix says more than Accept":               {"json", []string{xmlType}, xmlType, formatJSON},
		"the suffix says more than Content-Type":         {"xml", nil, jsonType, formatXML},
		"Accept says more than Content-Type":             {"", []string{jsonType}, xmlType, formatJSON},
		"Accept says XML beside a body of JSON":          {"", []string{xmlType}, jsonType, formatXML},
		"Content-Type says it where Accept is missing":   {"", nil, jsonType, formatJSON},
		"Content-Type says it where Accept takes all":    {"", []string{"*/*"}, jsonType + "; charset=utf-8", formatJSON},
		"Content-Type says it where Accept is vague":     {"", []string{"application/*"}, jsonType, formatJSON},
		"Content-Type says it where Accept is empty":     {"", []string{""}, jsonType, formatJSON},
		"a form is no format":                            {"", nil, "application/x-www-form-urlencoded", formatXML},
		"an Accept of something else gets XML":           {"", []string{"text/html"}, "", formatXML},
		"an Accept of something else beside JSON":        {"", []string{"image/png"}, jsonType, formatXML},
		"an Accept that makes no sense gets XML":         {"", []string{";;,"}, "", formatXML},
		"the first of two that are wanted equally":       {"", []string{"application/json, application/xml"}, "", formatJSON},
		"the first of two the other way round":           {"", []string{"application/xml, application/json"}, "", formatXML},
		"the one that is wanted most":                    {"", []string{"application/xml;q=0.8, application/json;q=0.9"}, "", formatJSON},
		"the one that is wanted most, in short":          {"", []string{"application/json;q=.2, application/xml;q=.1"}, "", formatJSON},
		"a named one rather than any":                    {"", []string{"application/json, text/javascript, */*; q=0.01"}, "", formatJSON},
		"what is not wanted at all is not sent":          {"", []string{"application/json;q=0"}, "", formatXML},
		"what browsers send":                             {"", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "", formatXML},
		"what Java sends":                                {"", []string{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}, jsonType, formatJSON},
		"Accept in two lines":                            {"", []string{"text/html", "application/json"}, "", formatJSON},
		"capitals and blanks":                            {"", []string{" Application/JSON ; Q=1 "}, "", formatJSON},
		"text/json is JSON":                              {"", []string{"text/json"}, "", formatJSON},
		"a type on top of JSON is JSON":                  {"", []string{"application/vnd.api+json"}, "", formatJSON},
		"text/xml is XML":                                {"", []string{"text/xml"}, jsonType, formatXML},
		"a type on top of XML is XML":                    {"", []string{"application/atom+xml"}, jsonType, formatXML},
		"a Content-Type on top of JSON is JSON":          {"", nil, "application/problem+json", formatJSON},
		"a Content-Type that makes no sense gets XML":    {"", nil, "/;json", formatXML},
		"a Content-Type whose parameter is JSON is not":  {"", nil, "text/plain; a=application/json", formatXML},
		"an Accept whose parameters are broken is heard": {"", []string{"application/json;q"}, "", formatJSON},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			if c.accept != nil {
				header["Accept"] = c.accept
			}
			if c.contentType != "" {
				header.Set("Content-Type", c.contentType)
			}
			require.Equal(t, c.want, negotiate(c.suffix, header))
		})
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	require.Equal(t, "application/xml; charset=utf-8", formatXML.contentType())
	require.Equal(t, "application/json; charset=utf-8", formatJSON.contentType())
}

func TestMediaFormat(t *testing.T) {
	t.Parallel()
	for media, want := range map[string]format{
		"application/xml": formatXML, "TEXT/XML; charset=x": formatXML, "application/soap+xml": formatXML,
		"application/json": formatJSON, "text/json;": formatJSON, " application/json ": formatJSON, "a/b+json": formatJSON,
		"application/xhtml+xml": "", "text/html": "", "": "", "json": "", "application/jsonp": "", "*/*": "",
	} {
		require.Equal(t, want, mediaFormat(media), "%q", media)
	}
}
