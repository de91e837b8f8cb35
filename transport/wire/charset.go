package wire

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	utf16 "golang.org/x/text/encoding/unicode"
)

// IsASCII reports whether a label in lower case names US-ASCII, which package charset, made for browsers, decodes as Windows-1252.
func IsASCII(label string) bool {
	return label == "ascii" || label == "us-ascii" || label == "ansi_x3.4-1968"
}

// OnlyASCII returns r, or utf8.RuneError if it is no character of US-ASCII.
func OnlyASCII(r rune) rune {
	if r > unicode.MaxASCII {
		return utf8.RuneError
	}
	return r
}

// toUTF8 converts a document by the byte order mark at its beginning or else by label, which may be "". If certain is true the
// result is UTF-8, and a declaration inside the document, which a sender may have left unchanged, does not count. Invalid
// bytes are refused, never replaced by another character.
func toUTF8(document []byte, label string) (converted []byte, certain bool, err error) {
	var from encoding.Encoding
	label = strings.ToLower(strings.TrimSpace(label))
	switch {
	case bytes.HasPrefix(document, []byte("\xEF\xBB\xBF")):
		return document[3:], true, nil
	case bytes.HasPrefix(document, []byte("\xFE\xFF")):
		from = utf16.UTF16(utf16.BigEndian, utf16.UseBOM)
	case bytes.HasPrefix(document, []byte("\xFF\xFE")):
		from = utf16.UTF16(utf16.LittleEndian, utf16.UseBOM)
	case label == "", label == "utf-8", label == "utf8":
		return document, label != "" && utf8.Valid(document), nil
	case IsASCII(label):
		if bytes.ContainsFunc(document, func(r rune) bool { return OnlyASCII(r) == utf8.RuneError }) {
			return nil, false, errBytes
		}
		return document, true, nil
	default:
		if from, _ = charset.Lookup(label); from == nil {
			return nil, false, invalidf("The encoding of the document is not supported.")
		}
	}
	if converted, err = from.NewDecoder().Bytes(document); err != nil {
		return nil, false, errBytes
	}
	if bytes.ContainsRune(converted, utf8.RuneError) { // in place of an invalid byte, if the document has none itself
		if back, err := from.NewEncoder().Bytes(converted); err != nil || !bytes.Equal(back, document) {
			return nil, false, errBytes
		}
	}
	return converted, true, nil
}

var errBytes = invalidf("The document has bytes that are invalid in its encoding.")

// xmlToUTF8 is toUTF8 for XML: if nothing else names the encoding, the XML declaration counts.
func xmlToUTF8(document []byte, label string) ([]byte, error) {
	document, certain, err := toUTF8(document, label)
	if err == nil && !certain {
		document, _, err = toUTF8(document, declared(document))
	}
	if err == nil && !utf8.Valid(document) {
		err = invalidf("The XML is not valid UTF-8.")
	}
	return document, err
}

// declaration matches an XML declaration that names an encoding.
var declaration = regexp.MustCompile(`^\s*<\?xml\s[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)

// declared returns the encoding that an XML declaration names, or "". A declaration that is readable byte by byte and names
// UTF-16 is wrong, and ignored; programs that serialise to a string produce it.
func declared(document []byte) string {
	match := declaration.FindSubmatch(document)
	if match == nil || bytes.HasPrefix(bytes.ToLower(match[1]), []byte("utf-16")) {
		return ""
	}
	return string(match[1])
}
