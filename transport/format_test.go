package transport_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheFormatOfAResponse(t *testing.T) {
	t.Parallel()
	s := newService(t)
	const xmlType, jsonType = "application/xml", "application/json"
	for name, c := range map[string]struct {
		suffix      string
		accept      []string
		contentType string
		want        string // Content-Type
	}{
		"XML by default":                                  {"", nil, "", xmlType},
		"the suffix overrides Accept":                     {".json", []string{xmlType}, xmlType, jsonType},
		"the suffix overrides Content-Type":               {".xml", nil, jsonType, xmlType},
		"Accept overrides Content-Type":                   {"", []string{jsonType}, xmlType, jsonType},
		"Accept of XML with a body of JSON":               {"", []string{xmlType}, jsonType, xmlType},
		"Content-Type decides if Accept is missing":       {"", nil, jsonType, jsonType},
		"Content-Type decides if Accept takes all":        {"", []string{"*/*"}, jsonType + "; charset=utf-8", jsonType},
		"Content-Type decides if Accept is vague":         {"", []string{"application/*"}, jsonType, jsonType},
		"Content-Type decides if Accept is empty":         {"", []string{""}, jsonType, jsonType},
		"a form is no format":                             {"", nil, "application/x-www-form-urlencoded", xmlType},
		"an Accept of something else gets XML":            {"", []string{"text/html"}, "", xmlType},
		"an Accept of something else beside JSON":         {"", []string{"image/png"}, jsonType, xmlType},
		"an Accept that makes no sense gets XML":          {"", []string{";;,"}, "", xmlType},
		"the first of two with the same q":                {"", []string{"application/json, application/xml"}, "", jsonType},
		"the first of two the other way round":            {"", []string{"application/xml, application/json"}, "", xmlType},
		"the one with the highest q":                      {"", []string{"application/xml;q=0.8, application/json;q=0.9"}, "", jsonType},
		"the one with the highest q, in short":            {"", []string{"application/json;q=.2, application/xml;q=.1"}, "", jsonType},
		"a named one before */*":                          {"", []string{"application/json, text/javascript, */*; q=0.01"}, "", jsonType},
		"a q of 0 excludes":                               {"", []string{"application/json;q=0"}, "", xmlType},
		"what browsers send":                              {"", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "", xmlType},
		"what Java sends":                                 {"", []string{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}, jsonType, jsonType},
		"Accept in two lines":                             {"", []string{"text/html", "application/json"}, "", jsonType},
		"capitals and blanks":                             {"", []string{" Application/JSON ; Q=1 "}, "", jsonType},
		"text/json is JSON":                               {"", []string{"text/json"}, "", jsonType},
		"text/x-json is JSON":                             {"", []string{"text/x-json"}, "", jsonType},
		"application/x-xml is XML":                        {"", []string{"application/x-xml"}, jsonType, xmlType},
		"a type on top of JSON is JSON":                   {"", []string{"application/vnd.api+json"}, "", jsonType},
		"text/xml is XML":                                 {"", []string{"text/xml"}, jsonType, xmlType},
		"a type on top of XML is XML":                     {"", []string{"application/atom+xml"}, jsonType, xmlType},
		"a Content-Type on top of JSON is JSON":           {"", nil, "application/problem+json", jsonType},
		"a Content-Type that makes no sense gets XML":     {"", nil, "/;json", xmlType},
		"a Content-Type whose parameter is JSON is not":   {"", nil, "text/plain; a=application/json", xmlType},
		"an Accept whose parameters are malformed counts": {"", []string{"application/json;q"}, "", jsonType},
	} {
		var headers []string
		for _, accept := range c.accept {
			headers = append(headers, "Accept: "+accept)
		}
		if c.contentType != "" {
			headers = append(headers, "Content-Type: "+c.contentType)
		}
		require.Equal(t, c.want+"; charset=utf-8", s.send(http.MethodGet, "/account/who_am_i"+c.suffix, "", headers...).Header().Get("Content-Type"), name)
	}
}
