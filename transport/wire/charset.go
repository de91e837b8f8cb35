package wire

import (
	"bytes"
	"encoding/binary"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
)

// ToUTF8 converts a document that its sender says is in the encoding named label; "" stands for no word about it.
// A byte order mark says more than the label. certain tells whether the result is UTF-8 for sure, so that a declaration
// inside of the document, which a sender may have left as it was, no longer counts. Every error is a *SyntaxError:
// what the encoding cannot mean is refused, and never replaced by another character.
func ToUTF8(document []byte, label string) (converted []byte, certain bool, err error) {
	switch {
	case bytes.HasPrefix(document, []byte("\xEF\xBB\xBF")):
		return document[3:], true, nil
	case bytes.HasPrefix(document, []byte("\xFE\xFF")):
		converted, err = fromUTF16(document[2:], binary.BigEndian)
		return converted, true, err
	case bytes.HasPrefix(document, []byte("\xFF\xFE")):
		converted, err = fromUTF16(document[2:], binary.LittleEndian)
		return converted, true, err
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
	converted, err = io.ReadAll(reader)
	if err != nil || bytes.ContainsRune(converted, utf8.RuneError) {
		return nil, false, errEncoding
	}
	return converted, true, nil
}

// isASCII reports whether label names US-ASCII. The charset package, made for browsers, reads that as Windows-1252.
func isASCII(label string) bool {
	switch strings.ToLower(strings.TrimSpace(label)) {
	case "ascii", "us-ascii", "ansi_x3.4-1968":
		return true
	}
	return false
}

var errEncoding = syntaxErrorf("The document has bytes that mean nothing in its encoding.")

func fromUTF16(document []byte, order binary.ByteOrder) ([]byte, error) {
	if len(document)%2 != 0 {
		return nil, errEncoding
	}
	converted := make([]byte, 0, len(document))
	for ; len(document) > 0; document = document[2:] {
		r := rune(order.Uint16(document))
		if utf16.IsSurrogate(r) {
			if len(document) >= 4 {
				r = utf16.DecodeRune(r, rune(order.Uint16(document[2:])))
			}
			if r < 0x10000 {
				return nil, errEncoding
			}
			document = document[2:]
		}
		converted = utf8.AppendRune(converted, r)
	}
	return converted, nil
}

// declaration is the XML declaration with the encoding that it names.
var declaration = regexp.MustCompile(`^\s*<\?xml\s[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)

// xmlToUTF8 is ToUTF8 for XML: where nothing else says what the encoding is, the document's own declaration counts.
// A declaration that can be read byte by byte is wrong when it says UTF-16; senders that print into a string leave it so.
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
