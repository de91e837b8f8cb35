package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// badXML are documents that no client can be made of or changed by.
var badXML = map[string]string{
	"not well-formed: open":           `<client><name>x</name>`,
	"not well-formed: crossed":        `<client><name>x</client></name>`,
	"not well-formed: ampersand":      `<client><name>x & y</name></client>`,
	"not well-formed: entity":         `<client><name>&nbsp;</name></client>`,
	"not well-formed: attribute":      `<client><name a=1>x</name></client>`,
	"not well-formed: two attributes": `<client><name a="1" a="2">x</name></client>`,
	"not well-formed: two roots":      `<client><name>x</name></client><client><name>y</name></client>`,
	"not well-formed: text behind":    `<client><name>x</name></client>x`,
	"not well-formed: text before":    `x<client><name>x</name></client>`,
	"no document":                     `hello`,
	"DOCTYPE":                         `<!DOCTYPE client><client><name>x</name></client>`,
	"DOCTYPE with entity":             `<!DOCTYPE client [<!ENTITY e "x">]><client><name>&e;</name></client>`,
	"wrong root":                      `<project><name>x</name></project>`,
	"root of a list":                  `<clients type="array"><client><name>x</name></client></clients>`,
	"root in another case":            `<Client><name>x</name></Client>`,
	"control character":               "<client><name>x\x01</name></client>",
	"escaped control character":       `<client><name>x&#1;</name></client>`,
	"NUL":                             `<client><name>x&#0;</name></client>`,
	"noncharacter":                    `<client><name>x&#xFFFF;</name></client>`,
	"half a surrogate pair":           `<client><name>x&#xD800;</name></client>`,
	"not UTF-8":                       "<client><name>x\xff</name></client>",
	"unknown encoding":                `<?xml version="1.0" encoding="klingon"?><client><name>x</name></client>`,
	"blank name":                      `<client><name> </name></client>`,
	"blank name in many characters":   "<client><name>\t\n\u00a0\u2003</name></client>",
	"empty name":                      `<client><name></name></client>`,
	"null name":                       `<client><name nil="true"/></client>`,
	"long name":                       `<client><name>` + strings.Repeat("x", 256) + `</name></client>`,
	"name in elements":                `<client><name><first>x</first></name></client>`,
	"two names":                       `<client><name>x</name><name>y</name></client>`,
	"null currency":                   `<client><name>x</name><currency nil="true"/></client>`,
	"long currency":                   `<client><name>x</name><currency>` + strings.Repeat("x", 256) + `</currency></client>`,
	"long currency-symbol":            `<client><name>x</name><currency-symbol>` + strings.Repeat("x", 256) + `</currency-symbol></client>`,
	"long details":                    `<client><name>x</name><details>` + strings.Repeat("x", 64<<10+1) + `</details></client>`,
	"control character in details":    `<client><name>x</name><details>&#8;</details></client>`,
	"null active":                     `<client><name>x</name><active nil="true"/></client>`,
	"active in words":                 `<client><name>x</name><active>maybe</active></client>`,
	"highrise-id below 0":             `<client><name>x</name><highrise-id>-1</highrise-id></client>`,
	"highrise-id 2^63":                `<client><name>x</name><highrise-id>9223372036854775808</highrise-id></client>`,
	"highrise-id in words":            `<client><name>x</name><highrise-id>many</highrise-id></client>`,
	"highrise-id with a fraction":     `<client><name>x</name><highrise-id>1.5</highrise-id></client>`,
	"deep nesting":                    `<client><name>x</name>` + strings.Repeat("<a>", 20000) + strings.Repeat("</a>", 20000) + `</client>`,
}

var badJSON = map[string]string{
	"not well-formed: open":        `{"client":{"name":"x"}`,
	"not well-formed: comma":       `{"client":{"name":"x",}}`,
	"not well-formed: behind":      `{"client":{"name":"x"}} x`,
	"not well-formed: quotes":      `{'client':{'name':'x'}}`,
	"two documents":                `{"client":{"name":"x"}}{"client":{"name":"y"}}`,
	"null":                         `null`,
	"a list":                       `[{"client":{"name":"x"}}]`,
	"a text":                       `"client"`,
	"wrong root":                   `{"project":{"name":"x"}}`,
	"no root":                      `{"name":"x"}`,
	"nothing":                      `{}`,
	"null client":                  `{"client":null}`,
	"client in a list":             `{"client":[{"name":"x"}]}`,
	"client as a text":             `{"client":"x"}`,
	"NUL":                          `{"client":{"name":"x\u0000"}}`,
	"control character":            `{"client":{"name":"x\u0007"}}`,
	"noncharacter":                 `{"client":{"name":"x\uffff"}}`,
	"half a surrogate pair":        `{"client":{"name":"x\ud83d"}}`,
	"the other half":               `{"client":{"name":"x\ude00"}}`,
	"raw control character":        "{\"client\":{\"name\":\"x\x01\"}}",
	"not UTF-8":                    "{\"client\":{\"name\":\"x\xff\"}}",
	"blank name":                   `{"client":{"name":" \t\n"}}`,
	"null name":                    `{"client":{"name":null}}`,
	"name in a list":               `{"client":{"name":["x"]}}`,
	"long name":                    `{"client":{"name":"` + strings.Repeat("ä", 256) + `"}}`,
	"two names":                    `{"client":{"name":"x","name":"y"}}`,
	"null currency":                `{"client":{"name":"x","currency":null}}`,
	"currency as an object":        `{"client":{"name":"x","currency":{}}}`,
	"null active":                  `{"client":{"name":"x","active":null}}`,
	"active in words":              `{"client":{"name":"x","active":"maybe"}}`,
	"long details":                 `{"client":{"name":"x","details":"` + strings.Repeat("x", 64<<10+1) + `"}}`,
	"control character in details": `{"client":{"name":"x","details":"\u001f"}}`,
	"highrise_id below 0":          `{"client":{"name":"x","highrise_id":-5}}`,
	"highrise_id 2^63":             `{"client":{"name":"x","highrise_id":9223372036854775808}}`,
	"highrise_id with a fraction":  `{"client":{"name":"x","highrise_id":1.5}}`,
	"highrise_id in words":         `{"client":{"name":"x","highrise_id":"many"}}`,
	"highrise_id true":             `{"client":{"name":"x","highrise_id":true}}`,
	"deep nesting":                 `{"client":{"name":"x","a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}}`,
}

func TestBadInputIsRefusedWithAHintAndNothingIsStored(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.create(whole)
	before, last := a.get(id), a.tap().lastSequence()
	for kind, table := range map[string]map[string]string{asXML: badXML, asJSON: badJSON} {
		for name, body := range table {
			t.Run(fmt.Sprintf("%s in %s", name, kind[len("Content-Type: application/"):]), func(t *testing.T) {
				for method, p := range map[string]string{"POST": "/clients", "PUT": path(id)} {
					got := a.on(t).want(400, method, p, body, kind)
					require.Equal(t, got.message(t), got.header.Get("Hint"))
					require.Empty(t, got.header.Get("Location"))
				}
				require.Equal(t, last, a.tap().lastSequence(), "nothing is stored")
			})
		}
	}
	require.Equal(t, before, a.get(id))
	require.Len(t, a.list(""), 1)
}

// A name is what a new client cannot be without.
func TestBadInputWithoutAName(t *testing.T) {
	t.Parallel()
	a := launch(t)
	last := a.tap().lastSequence()
	for body, kind := range map[string]string{
		"":                                asXML,
		" \n":                             asXML,
		"<client/>":                       asXML,
		"<client></client>":               asXML,
		"<client><id>1</id></client>":     asXML,
		"{\"client\":{}}":                 asJSON,
		"{\"client\":{\"Name\":\"x\"}}":   asJSON,
		"{\"client\":{\"details\":\"\"}}": asJSON,
	} {
		require.Contains(t, a.want(400, "POST", "/clients", body, kind).header.Get("Hint"), "Name", body)
	}
	require.Equal(t, last, a.tap().lastSequence())
}
