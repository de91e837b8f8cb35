package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The stored value for each value, as libraries write it in JSON, XML and forms. "400" stands for a refusal.
func TestValuesAreConvertedAsLibrariesWriteThem(t *testing.T) {
	t.Parallel()
	s := shared(t)
	for _, c := range []struct {
		attribute string
		json      string // one or more values, separated by blanks
		xml       string // likewise; also in forms
		want      any
	}{
		{"highrise_id", `5 5.0 "5" "5.0" 5.00 "_5_"`, `5 5.0 _5_`, 5.0},
		{"highrise_id", `0 "0" 0.0 -0 null "" "_"`, `0 0.0 _`, nil},
		{"highrise_id", `9007199254740992 "9007199254740992"`, `9007199254740992`, 9007199254740992.0},
		{"highrise_id", `-1 1.5 "1.5" 9223372036854775808 "9223372036854775808" "five" true false [] {} [5] "0x5" "5_5" "5."`, `-1 1.5 9223372036854775808 five true 0x5 5_5 5.`, "400"},
		{"active", `true 1 "true" "1" "TRUE" "_true_"`, `true 1 TRUE _true_`, true},
		{"active", `false 0 "false" "0" "False"`, `false 0 False`, false},
		{"active", `null "" "_" "yes" "no" 2 -1 1.5 [] {}`, `_ yes no 2 on`, "400"},
		{"name", `"5" 5`, `5`, "5"},
		{"name", `"5.0" 5.0`, `5.0`, "5.0"},
		{"name", `"true"`, `true`, "true"},
		{"name", `null "" "_" [] {} ["x"] {"a":1}`, `_`, "400"},
		{"currency", `"5" 5`, `5`, "5"},
		{"currency", `null "" "_" [] {}`, `_`, "400"},
		{"currency_symbol", `"5" 5`, `5`, "5"},
		{"currency_symbol", `""`, ``, ""},
		{"currency_symbol", `null`, ``, "$"},
		{"currency_symbol", `[] {}`, ``, "400"},
		{"details", `"-5" -5`, `-5`, "-5"},
		{"details", `null ""`, ``, ""},
		{"details", `[] {}`, ``, "400"},
		{"id", `5 "x" null {}`, `5 x`, "ignored"},
		{"cache_version", `5 "x" null {}`, `5 x`, "ignored"},
		{"created_at", `"2001-01-01T00:00:00Z" 5`, `x`, "ignored"},
		{"last_invoice_kind", `"task" 5`, `x`, "ignored"},
		{"fax", `"x" 5 {"a":[1]} null`, `x`, "ignored"},
	} {
		var bodies [][2]string // and their Content-Type
		for value := range strings.FieldsSeq(c.json) {
			value = strings.ReplaceAll(value, "_", " ")
			bodies = append(bodies, [2]string{`{"client":{"` + c.attribute + `":` + value + `}}`, asJSON})
		}
		for value := range strings.FieldsSeq(c.xml) {
			value = strings.ReplaceAll(value, "_", " ")
			element := strings.ReplaceAll(c.attribute, "_", "-")
			bodies = append(bodies,
				[2]string{"<client><" + element + ">" + value + "</" + element + "></client>", asXML},
				[2]string{url.Values{"client[" + c.attribute + "]": {value}}.Encode(), "Content-Type: application/x-www-form-urlencoded"})
		}
		for _, body := range bodies {
			id := s.create("SuprCorp")
			before := s.attributes(id)
			if c.want == "400" {
				r := s.want(http.StatusBadRequest, http.MethodPut, path(id), body[0], body[1])
				require.Equal(t, r.message(t), r.header.Get("Hint"), body[0])
				require.Equal(t, before, s.attributes(id), body[0])
				continue
			}
			s.want(http.StatusOK, http.MethodPut, path(id), body[0], body[1])
			if c.want == "ignored" {
				require.Equal(t, before, s.attributes(id), body[0])
				continue
			}
			require.Equal(t, c.want, s.attributes(id)[c.attribute], body[0])
		}
	}
}

// Every currency of the original service has a symbol.
func TestCurrencySymbols(t *testing.T) {
	t.Parallel()
	s := shared(t)
	for code, symbol := range map[string]string{
		"AOA": "Kz", "CLF": "UF", "CYP": "£", "EEK": "kr", "LVL": "Ls", "LTL": "Lt", "MTL": "Lm", "PGK": "K", "SKK": "Sk", "SDG": "£",
		"VUV": "VT", "VEB": "Bs", "VEF": "Bs", "ZMK": "ZK", "USD": "$", "EUR": "€", "GBP": "£", "XQQ": "",
	} {
		id := s.want(http.StatusCreated, http.MethodPost, "/clients", `{"client":{"name":"x","currency":"Money - `+code+`"}}`, asJSON).id(t)
		require.Equal(t, symbol, s.attributes(id)["currency_symbol"], code)
	}
	id := s.create("SuprCorp")
	s.want(http.StatusOK, http.MethodPut, path(id), `{"client":{"currency":"Kwacha - ZMK"}}`, asJSON)
	require.Equal(t, "ZK", s.attributes(id)["currency_symbol"])
}

// A document that is invalid in its encoding is refused, and nothing is stored.
func TestDocumentsAreReadInTheirEncoding(t *testing.T) {
	t.Parallel()
	s := shared(t)
	for _, c := range []struct{ body, kind, want string }{
		{"<client><name>é</name></client>", "application/xml", "é"},
		{"<client><name>\xe9</name></client>", "application/xml; charset=iso-8859-1", "é"},
		{`<?xml version="1.0" encoding="ISO-8859-1"?>` + "<client><name>\xe9</name></client>", "application/xml", "é"},
		{`<?xml version="1.0" encoding="us-ascii"?><client><name>e&#233;</name></client>`, "application/xml", "eé"},
		{`{"client":{"name":"\u00e9"}}`, "application/json; charset=us-ascii", "é"},
		{`<?xml version="1.0" encoding="us-ascii"?>` + "<client><name>\xe9</name></client>", "application/xml", ""},
		{`<?xml version="1.0" encoding="US-ASCII"?><client><name>é</name></client>`, "application/xml", ""},
		{"<client><name>é</name></client>", "text/xml; charset=us-ascii", ""},
		{`{"client":{"name":"é"}}`, "application/json; charset=US-ASCII", ""},
		{"<client><name>\xe9</name></client>", "application/xml", ""},
		{"{\"client\":{\"name\":\"\xe9\"}}", "application/json", ""},
		{"<!DOCTYPE client><client><name>x</name></client>", "application/xml", ""},
		{"<project><name>x</name></project>", "application/xml", ""},
		{"<client><name>x</name>", "application/xml", ""},
		{"<client><name>&#1;</name></client>", "application/xml", ""},
		{`{"client":{"name":"\u0001"}}`, "application/json", ""},
		{`{"name":"x"}`, "application/json", ""},
		{"<client><name>" + strings.Repeat("x", 256) + "</name></client>", "application/xml", ""},
	} {
		if c.want == "" {
			s.want(http.StatusBadRequest, http.MethodPost, "/clients", c.body, "Content-Type: "+c.kind)
			continue
		}
		id := s.want(http.StatusCreated, http.MethodPost, "/clients", c.body, "Content-Type: "+c.kind).id(t)
		require.Equal(t, c.want, s.attributes(id)["name"], c.body)
		s.want(http.StatusOK, http.MethodDelete, path(id), "")
	}
	require.Equal(t, "[]", s.want(http.StatusOK, http.MethodGet, "/clients.json", "").body)
	s.want(http.StatusUnsupportedMediaType, http.MethodPost, "/clients", "x", "Content-Type: text/csv")
}

func TestNullsClearAndLimitsHold(t *testing.T) {
	t.Parallel()
	s := shared(t)
	id := s.want(201, "POST", "/clients", `{"client":{"name":"x","highrise_id":9223372036854775807,"currency_symbol":"E","details":"x"}}`, asJSON).id(t)
	require.Contains(t, s.want(200, "GET", path(id)+".json", "").body, `"highrise_id":9223372036854775807,`)
	for _, element := range []string{"name", "currency", "active"} {
		s.want(400, "PUT", path(id), "<client><"+element+` nil="true"/></client>`, asXML)
	}
	s.want(200, "PUT", path(id), `<client><highrise-id type="integer" nil="true"/><details nil="true"></details><currency-symbol nil="true"/></client>`, asXML)
	require.Contains(t, s.want(200, "GET", path(id)+".json", "").body, `"highrise_id":null,`)
	require.Contains(t, s.want(200, "GET", path(id), "").body, "<currency-symbol>$</currency-symbol>\n  <details></details>\n")
	for attribute, limit := range map[string]int{"name": 255, "currency": 255, "currency_symbol": 255, "details": 64 << 10} {
		for _, letter := range []string{"x", "ä"} {
			longest := strings.Repeat(letter, limit)
			if attribute == "details" {
				longest = strings.Repeat(letter, limit/len(letter)) // its limit is in bytes
			}
			s.want(200, "PUT", path(id), `{"client":{"`+attribute+`":"`+longest+`"}}`, asJSON)
			require.Equal(t, longest, s.attributes(id)[attribute])
			s.want(400, "PUT", path(id), `{"client":{"`+attribute+`":"`+longest+`x"}}`, asJSON)
		}
	}
}
