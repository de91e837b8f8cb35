package wire

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	utf16 "golang.org/x/text/encoding/unicode"
)

// ToUTF8 converts a document in the encoding named label, or in that of its byte order mark. The label may be "". If certain
// is true the result is UTF-8, and a declaration inside the document, which a sender may have left unchanged, does not
// count. Every error is a *SyntaxError: invalid bytes are refused, never replaced by another character.
func ToUTF8(document []byte, label string) (converted []byte, certain bool, err error) {
	switch {
	case bytes.HasPrefix(document, []byte("\xEF\xBB\xBF")):
		return document[3:], true, nil
	case bytes.HasPrefix(document, []byte("\xFE\xFF")), bytes.HasPrefix(document, []byte("\xFF\xFE")):
		converted, err = utf16.UTF16(utf16.BigEndian, utf16.ExpectBOM).NewDecoder().Bytes(document)
		return strict(converted, err)
	case label == "":
		return document, false, nil
	case strings.EqualFold(label, "utf-8"), strings.EqualFold(label, "utf8"):
		return document, utf8.Valid(document), nil
	}
	reader, err := charset.NewReaderLabel(label, bytes.NewReader(document))
	if err != nil {
		return nil, false, syntaxErrorf("The encoding of the document is not supported.")
	}
	if isASCII(label) && bytes.ContainsFunc(document, func(r rune) bool { return r > unicode.MaxASCII }) {
		return nil, false, errEncoding
	}
	return strict(io.ReadAll(reader))
}

// strict returns a converted document, or an error if the converter has replaced bytes that are invalid in the encoding.
func strict(converted []byte, err error) (document []byte, certain bool, _ error) {
	if err != nil || bytes.ContainsRune(converted, utf8.RuneError) {
		return nil, false, errEncoding
	}
	return converted, true, nil
}

// isASCII reports whether label is US-ASCII, which the charset package, made for browsers, decodes as Windows-1252.
func isASCII(label string) bool {
	switch strings.ToLower(strings.TrimSpace(label)) {
	case "ascii", "us-ascii", "ansi_x3.4-1968":
		return true
	}
	return false
}

var errEncoding = syntaxErrorf("The document has bytes that mean nothing in its encoding.")

// declaration matches an XML declaration that names an encoding.
var declaration = regexp.MustCompile(`^\s*<\?xml\s[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)

// xmlToUTF8 is ToUTF8 for XML: if nothing else names the encoding, the XML declaration counts. A declaration that is readable
// byte by byte and says UTF-16 is wrong, and ignored; programs that serialise to a string produce it.
func xmlToUTF8(document []byte, label string) ([]byte, error) {
	document, certain, err := ToUTF8(document, label)
	if declared := declaration.FindSubmatch(document); err == nil && !certain && declared != nil &&
		!bytes.HasPrefix(bytes.ToLower(declared[1]), []byte("utf-16")) {
		document, _, err = ToUTF8(document, string(declared[1]))
	}
	if err == nil && !utf8.Valid(document) {
		err = syntaxErrorf("The XML is not valid UTF-8.")
	}
	return document, err
}
