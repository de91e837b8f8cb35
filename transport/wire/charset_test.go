package wire_test

import (
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

func utf16Of(order binary.AppendByteOrder, text string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune("\uFEFF" + text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

const (
	nothing = "The document has bytes that are invalid in its encoding."
	invalid = "The XML is not valid UTF-8."
)

func TestXMLInManyEncodings(t *testing.T) {
	t.Parallel()
	const plain = `<client><name>é€𝄞</name></client>`
	for name, c := range map[string]struct{ document, label, want string }{
		"UTF-8, by default":                            {plain, "", "é€𝄞"},
		"UTF-8, by label":                              {plain, "utf-8", "é€𝄞"},
		"UTF-8, by label in capitals":                  {plain, "UTF8", "é€𝄞"},
		"UTF-8, by byte order mark":                    {"\xEF\xBB\xBF" + plain, "", "é€𝄞"},
		"UTF-8, by mark behind which a declaration is": {"\xEF\xBB\xBF" + `<?xml version="1.0" encoding="utf-8"?>` + plain, "", "é€𝄞"},
		"a mark overrides a label":                     {"\xEF\xBB\xBF" + plain, "ISO-8859-1", "é€𝄞"},
		"a mark overrides a declaration":               {"\xEF\xBB\xBF" + `<?xml version="1.0" encoding="ISO-8859-1"?>` + plain, "", "é€𝄞"},
		"a label overrides a declaration":              {`<?xml version="1.0" encoding="ISO-8859-1"?>` + plain, "utf-8", "é€𝄞"},
		"ISO-8859-1, by declaration":                   {"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><client><name>caf\xE9</name></client>", "", "café"},
		"ISO-8859-1, by declaration in quotes":         {"<?xml version='1.0' encoding = 'iso-8859-1' standalone='yes'?><client><name>caf\xE9</name></client>", "", "café"},
		"ISO-8859-1, by declaration behind blanks":     {"\n <?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><client><name>caf\xE9</name></client>", "", "café"},
		"ISO-8859-1, by label":                         {"<client><name>caf\xE9</name></client>", "ISO-8859-1", "café"},
		"ISO-8859-1, by label beside a declaration":    {"<?xml version=\"1.0\" encoding=\"UTF-8\"?><client><name>caf\xE9</name></client>", "iso-8859-1", "café"},
		"a label that is wrong beside a declaration":   {"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><client><name>caf\xE9</name></client>", "utf-8", "café"},
		"Windows-1252":                                 {"<client><name>\x80</name></client>", "windows-1252", "€"},
		"Shift JIS, by declaration":                    {"<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><client><name>\x82\xA0</name></client>", "", "あ"},
		"US-ASCII":                                     {`<?xml version="1.0" encoding="US-ASCII"?><client><name>&#233;</name></client>`, "", "é"},
		"UTF-16, little end first":                     {utf16Of(binary.LittleEndian, plain), "", "é€𝄞"},
		"UTF-16, big end first":                        {utf16Of(binary.BigEndian, plain), "", "é€𝄞"},
		"UTF-16, with a declaration":                   {utf16Of(binary.LittleEndian, `<?xml version="1.0" encoding="UTF-16"?>`+plain), "", "é€𝄞"},
		"UTF-16, with a label":                         {utf16Of(binary.BigEndian, plain), "utf-16", "é€𝄞"},
		"UTF-16, with a label that is wrong":           {utf16Of(binary.BigEndian, plain), "utf-8", "é€𝄞"},
		"UTF-16, without a mark, by label":             {utf16Of(binary.LittleEndian, plain)[2:], "utf-16le", "é€𝄞"},
		"UTF-8 that calls itself UTF-16, as from .NET": {`<?xml version="1.0" encoding="utf-16"?>` + plain, "", "é€𝄞"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attributes, err := decodeXML([]byte(c.document), c.label)
			require.NoError(t, err)
			require.Equal(t, domain.ClientAttributes{Name: &c.want}, attributes)
		})
	}
}

func TestARealReplacementCharacterIsAccepted(t *testing.T) {
	t.Parallel()
	const document = "<client><name>\uFFFDé</name></client>"
	want := "\uFFFDé"
	for label, encoded := range map[string]string{
		"utf-8": document, "utf-16": utf16Of(binary.LittleEndian, document), "UTF-16BE": utf16Of(binary.BigEndian, document)[2:],
		"utf-16be": utf16Of(binary.BigEndian, document), "gb18030": "<client><name>\x84\x31\xA4\x37\xA8\xA6</name></client>",
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			attributes, err := decodeXML([]byte(encoded), label)
			require.NoError(t, err)
			require.Equal(t, domain.ClientAttributes{Name: &want}, attributes)
		})
	}
}

func TestXMLInABrokenEncodingIsRefused(t *testing.T) {
	t.Parallel()
	const unsupported = "The encoding of the document is not supported."
	for name, c := range map[string]struct{ document, label, reason string }{
		"an unknown label":                     {"<client/>", "klingon", unsupported},
		"an unknown declaration":               {`<?xml version="1.0" encoding="klingon"?><client/>`, "", unsupported},
		"US-ASCII with a byte above 127":       {`<?xml version="1.0" encoding="US-ASCII"?>` + "<client><name>caf\xE9</name></client>", "", nothing},
		"US-ASCII that is UTF-8":               {"<client><name>café</name></client>", "us-ascii", nothing},
		"ASCII with a byte above 127":          {"<client><name>\x80</name></client>", "ASCII", nothing},
		"UTF-7":                                {"<client/>", "utf-7", unsupported},
		"ISO-8859-1 without a word about it":   {"<client><name>caf\xE9</name></client>", "", invalid},
		"ISO-8859-1 that calls itself UTF-8":   {"<?xml version=\"1.0\" encoding=\"UTF-8\"?><client><name>caf\xE9</name></client>", "utf-8", invalid},
		"a wrong byte behind a mark":           {"\xEF\xBB\xBF<client><name>\xE9</name></client>", "", invalid},
		"a byte that Windows-1252 lacks":       {"<client><name>\x81</name></client>", "windows-1252", nothing},
		"half a character of Shift JIS":        {"<client><name>\x82</name></client>", "shift_jis", nothing},
		"an encoding that browsers blank out":  {"<client><name>A</name></client>", "iso-2022-kr", nothing},
		"UTF-16 with half a unit":              {utf16Of(binary.LittleEndian, "<client/>") + "<", "", nothing},
		"UTF-16 with half a pair":              {utf16Of(binary.BigEndian, "<client><name>") + "\xD8\x00" + utf16Of(binary.BigEndian, "</name></client>")[2:], "", nothing},
		"UTF-16 with the other half":           {utf16Of(binary.BigEndian, "<client><name>") + "\xDC\x00" + utf16Of(binary.BigEndian, "</name></client>")[2:], "", nothing},
		"UTF-16 that ends within a pair":       {utf16Of(binary.BigEndian, "<client/>") + "\xD8\x3D", "", nothing},
		"UTF-16 with the halves in wrong turn": {utf16Of(binary.LittleEndian, "<client>") + "\x00\xDC\x00\xD8", "", nothing},
		"two marks":                            {"\xEF\xBB\xBF\xEF\xBB\xBF<client/>", "", "The document is not XML."},
		"a mark alone":                         {"\xEF\xBB\xBF", "", "The document is empty."},
		"a mark of UTF-16 alone":               {"\xFF\xFE", "", "The document is empty."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decodeXML([]byte(c.document), c.label)
			require.Equal(t, c.reason, requireInvalid(t, err))
		})
	}
}

func TestJSONInManyEncodings(t *testing.T) {
	t.Parallel()
	const plain = `{"client":{"name":"é€𝄞"}}`
	for name, c := range map[string]struct{ document, label, want string }{
		"UTF-8, by default":         {plain, "", "é€𝄞"},
		"UTF-8, by label":           {plain, "UTF-8", "é€𝄞"},
		"UTF-8, by byte order mark": {"\xEF\xBB\xBF" + plain, "iso-8859-1", "é€𝄞"},
		"UTF-16, by mark":           {utf16Of(binary.LittleEndian, plain), "", "é€𝄞"},
		"ISO-8859-1, by label":      {"{\"client\":{\"name\":\"caf\xE9\"}}", "ISO-8859-1", "café"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attributes, err := decodeJSON([]byte(c.document), c.label)
			require.NoError(t, err)
			require.Equal(t, domain.ClientAttributes{Name: &c.want}, attributes)
		})
	}
}
