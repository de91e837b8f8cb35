package wire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	malformed  = "The XML is not well-formed."
	doctype    = "A DOCTYPE is not accepted."
	notANumber = "Highrise id must be a whole number between 1 and 9223372036854775807."
	notABool   = "Active must be true or false."
)

func TestDecodeXMLRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ document, reason string }{
		"nothing":                           {"", "The document is empty."},
		"blanks":                            {" \r\n\t", "The document is empty."},
		"a comment alone":                   {"<!-- a -->", "The document is empty."},
		"a declaration alone":               {`<?xml version="1.0"?>`, "The document is empty."},
		"text":                              {"client", "The document is not XML."},
		"JSON":                              {`{"client":{}}`, "The document is not XML."},
		"text before the root":              {"a<client/>", "The document is not XML."},
		"a wrong root":                      {"<project><name>A</name></project>", "The root element must be <client>."},
		"a list":                            {`<clients type="array"><client/></clients>`, "The root element must be <client>."},
		"a root in capitals":                {"<Client/>", "The root element must be <client>."},
		"a document cut off in a tag":       {"<client><na", malformed},
		"a document cut off in a text":      {"<client><name>A", malformed},
		"a document cut off before the end": {"<client><name>A</name>", malformed},
		"a document cut off in a comment":   {"<client/><!-- a", malformed},
		"a document cut off in CDATA":       {"<client><name><![CDATA[a</name></client>", malformed},
		"tags that overlap":                 {"<client><name>A</client></name>", malformed},
		"an end tag alone":                  {"</client>", malformed},
		"an ampersand alone":                {"<client><name>A & B</name></client>", malformed},
		"an attribute without quotes":       {"<client a=b/>", malformed},
		"an attribute without a value":      {"<client><name nil/></client>", malformed},
		"a wrong XML attribute":             {`<client highrise-id="x"/>`, notANumber},
		"an attribute twice":                {`<client><highrise-id nil="true" nil="false"/></client>`, "An element has the same attribute twice."},
		"the end of CDATA in a text":        {"<client><name>]]></name></client>", malformed},
		"XML 1.1":                           {`<?xml version="1.1"?><client/>`, malformed},
		"a declaration without a version":   {`<?xml encoding="UTF-8"?><client/>`, malformed},
		"a declaration of no encoding":      {`<?xml version="1.0" encoding=""?><client/>`, malformed},
		"a declaration without quotes":      {`<?xml version="1.0" encoding=UTF-8?><client/>`, malformed},
		"a declaration in another order":    {`<?xml version="1.0" standalone="no" encoding="UTF-8"?><client/>`, malformed},
		"a declaration without a blank":     {`<?xmlversion="1.0"?><client/>`, malformed},
		"a declaration in capitals":         {`<?XML version="1.0"?><client/>`, malformed},
		"attributes without a blank":        {`<client a="1"b="2"/>`, malformed},
		"CDATA before the root":             {"<![CDATA[ ]]><client/>", "The document is not XML."},
		"CDATA behind the root":             {"<client/><![CDATA[ ]]>", "Nothing may follow the <client> element."},
		"a reference before the root":       {"&#32;<client/>", "The document is not XML."},
		"another blank before the root":     {"\u00A0<client/>", "The document is not XML."},
		"a declaration in the middle":       {`<client><?xml version="1.0"?></client>`, "The XML declaration must be at the beginning."},
		"a declaration at the end":          {`<client/><?xml version="1.0"?>`, "The XML declaration must be at the beginning."},
		"a declaration that changes the encoding in the middle": {
			"<client><?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><name>\xE9</name></client>", "The XML is not valid UTF-8.",
		},
		"a second root":                  {"<client/><client/>", "Nothing may follow the <client> element."},
		"text behind the root":           {"<client/>a", "Nothing may follow the <client> element."},
		"NUL behind the root":            {"<client/>\x00", malformed},
		"text between the elements":      {"<client>A<name>B</name></client>", "The <client> element has text outside of its elements."},
		"text behind the elements":       {"<client><name>B</name>A</client>", "The <client> element has text outside of its elements."},
		"elements inside of a text":      {"<client><name><b>A</b></name></client>", "Name must be text."},
		"elements inside of details":     {"<client><details>a<br/>b</details></client>", "Details must be text."},
		"elements inside of a number":    {"<client><highrise-id><a/></highrise-id></client>", notANumber},
		"elements inside of a null":      {`<client><highrise-id nil="true"><a/></highrise-id></client>`, notANumber},
		"elements inside of a boolean":   {"<client><active><true/></active></client>", notABool},
		"deep nesting":                   {"<client>" + strings.Repeat("<a>", 1000) + strings.Repeat("</a>", 1000) + "</client>", "The XML is nested too deeply."},
		"deep nesting without an end":    {"<client>" + strings.Repeat("<a>", 300_000), "The XML is nested too deeply."},
		"a null name":                    {`<client><name nil="true"/></client>`, "Name can't be null."},
		"a null currency":                {`<client><currency nil="true"/></client>`, "Currency can't be null."},
		"a null active":                  {`<client><active nil="true"/></client>`, "Active can't be null."},
		"an empty active":                {`<client><active></active></client>`, notABool},
		"another word for active":        {`<client><active>yes</active></client>`, notABool},
		"another number for active":      {`<client><active>2</active></client>`, notABool},
		"a highrise-id below 0":          {`<client><highrise-id>-1</highrise-id></client>`, notANumber},
		"a highrise-id of 2^63":          {`<client><highrise-id>9223372036854775808</highrise-id></client>`, notANumber},
		"a highrise-id of many digits":   {`<client><highrise-id>` + strings.Repeat("9", 10_000) + `</highrise-id></client>`, notANumber},
		"a highrise-id in other words":   {`<client><highrise-id>seven</highrise-id></client>`, notANumber},
		"a highrise-id with a fraction":  {`<client><highrise-id>1.5</highrise-id></client>`, notANumber},
		"a highrise-id with underscores": {`<client><highrise-id>1_000</highrise-id></client>`, notANumber},
		"a hexadecimal highrise-id":      {`<client><highrise-id>0x10</highrise-id></client>`, notANumber},
		"a highrise-id of Arabic digits": {`<client><highrise-id>٧</highrise-id></client>`, notANumber},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decodeXML([]byte(c.document), "")
			require.Equal(t, c.reason, requireInvalid(t, err))
		})
	}
}

func TestDecodeXMLRefusesDocumentTypesAndEntities(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ document, reason string }{
		"a DOCTYPE":             {`<!DOCTYPE client><client/>`, doctype},
		"an external DOCTYPE":   {`<!DOCTYPE client SYSTEM "http://localhost/x.dtd"><client/>`, doctype},
		"a DOCTYPE inside":      {`<client><!DOCTYPE client></client>`, doctype},
		"a DOCTYPE in a text":   {`<client><name>A<!DOCTYPE client></name></client>`, doctype},
		"a DOCTYPE at the end":  {`<client/><!DOCTYPE client>`, doctype},
		"a doctype in lower":    {`<!doctype html><client/>`, doctype},
		"an entity of its own":  {`<!ENTITY a "b"><client/>`, doctype},
		"an external entity":    {`<!DOCTYPE client [<!ENTITY a SYSTEM "file:///etc/passwd">]><client><name>&a;</name></client>`, doctype},
		"a billion laughs":      {`<!DOCTYPE client [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]><client><name>&c;</name></client>`, doctype},
		"an undefined entity":   {`<client><name>&a;</name></client>`, malformed},
		"an entity of HTML":     {`<client><name>&nbsp;</name></client>`, malformed},
		"an entity that is cut": {`<client><name>&amp</name></client>`, malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decodeXML([]byte(c.document), "")
			require.Equal(t, c.reason, requireInvalid(t, err))
		})
	}
}

func TestDecodeXMLRefusesSuchCharactersOutsideOfTexts(t *testing.T) {
	t.Parallel()
	for document, reason := range map[string]string{
		"<!-- \x01 --><client/>":             malformed,
		"<client><!-- \uFFFE --></client>":   malformed,
		"<client/><?a \x1F?>":                malformed,
		`<client a="&#xD800;"/>`:             "The XML has an unpaired surrogate.",
		`<client><x a='&#56320;'/></client>`: "The XML has an unpaired surrogate.",
	} {
		t.Run(document, func(t *testing.T) {
			t.Parallel()
			_, err := decodeXML([]byte(document), "")
			require.Equal(t, reason, requireInvalid(t, err))
		})
	}
}

func TestDecodeXMLRefusesCharactersThatXMLCannotCarry(t *testing.T) {
	t.Parallel()
	const surrogate, utf8 = "The XML has an unpaired surrogate.", "The XML is not valid UTF-8."
	for text, reason := range map[string]string{
		"\x00": malformed, "\x0B": malformed, "\x1F": malformed, "\uFFFE": malformed, "\uFFFF": malformed,
		"&#0;": malformed, "&#x0;": malformed, "&#x1F;": malformed, "&#xFFFE;": malformed, "&#x110000;": malformed,
		"&#-1;": malformed, "&#;": malformed, "&#x;": malformed, "&#99999999999999999999;": malformed,
		"&#xD800;": surrogate, "&#xdfff;": surrogate, "&#55296;": surrogate, "&#57343;": surrogate,
		"a&#x20AC;b&#x0000DABC;c": surrogate, "&#xD83D;&#xDE00;": surrogate,
		"\xE9": utf8, "\xC3": utf8, "\xED\xA0\x80": utf8, "\xF4\x90\x80\x80": utf8, "\xC0\xAF": utf8,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			_, err := decodeXML([]byte("<client><name>A</name><x>"+text+"</x></client>"), "")
			require.Equal(t, reason, requireInvalid(t, err), "in an element that is passed over")
			_, err = decodeXML([]byte("<client><name>"+text+"</name></client>"), "")
			require.Equal(t, reason, requireInvalid(t, err), "in a name")
		})
	}
}
