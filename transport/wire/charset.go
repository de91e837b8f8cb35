package wire

import (
	"bufio"
	"bytes"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	utf16 "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
)

// decoderOf returns what converts a document to UTF-8, by the byte order mark at its beginning or else by label, which may
// be "". If nothing is to be converted it returns nil, and the length of the mark.
func decoderOf(begin []byte, label string) (decoder transform.Transformer, mark int, err error) {
	switch {
	case bytes.HasPrefix(begin, []byte("\xEF\xBB\xBF")):
		return nil, 3, nil
	case bytes.HasPrefix(begin, []byte("\xFE\xFF")), bytes.HasPrefix(begin, []byte("\xFF\xFE")):
		return utf16.UTF16(utf16.BigEndian, utf16.ExpectBOM).NewDecoder(), 0, nil
	}
	switch strings.ToLower(strings.TrimSpace(label)) {
	case "", "utf-8", "utf8":
		return nil, 0, nil
	case "ascii", "us-ascii", "ansi_x3.4-1968": // which charset, made for browsers, decodes as Windows-1252
		return runes.Map(onlyASCII), 0, nil
	}
	encoding, _ := charset.Lookup(label)
	if encoding == nil {
		return nil, 0, syntaxErrorf("The encoding of the document is not supported.")
	}
	return encoding.NewDecoder(), 0, nil
}

func onlyASCII(r rune) rune {
	if r > unicode.MaxASCII {
		return utf8.RuneError
	}
	return r
}

// toUTF8 converts a document. If certain is true the result is UTF-8, and a declaration inside the document, which a sender
// may have left unchanged, does not count. Every error is a *SyntaxError: invalid bytes are refused, never replaced by
// another character.
func toUTF8(document []byte, label string) (converted []byte, certain bool, err error) {
	decoder, mark, err := decoderOf(document, label)
	if err != nil {
		return nil, false, err
	}
	if decoder == nil {
		return document[mark:], mark > 0 || label != "" && utf8.Valid(document), nil
	}
	converted, _, err = transform.Bytes(decoder, document)
	if err != nil || bytes.ContainsRune(converted, utf8.RuneError) {
		return nil, false, syntaxErrorf("The document has bytes that are invalid in its encoding.")
	}
	return converted, true, nil
}

// xmlToUTF8 is toUTF8 for XML: if nothing else names the encoding, the XML declaration counts.
func xmlToUTF8(document []byte, label string) ([]byte, error) {
	document, certain, err := toUTF8(document, label)
	if err == nil && !certain {
		document, _, err = toUTF8(document, declared(document))
	}
	if err == nil && !utf8.Valid(document) {
		err = syntaxErrorf("The XML is not valid UTF-8.")
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

// declarationLength is how far into a document of any length its declaration may reach.
const declarationLength = 1 << 10

// StreamUTF8 converts a document of any length, by its byte order mark or by its XML declaration. If lossy is true each
// invalid byte is read as U+FFFD; otherwise the document is passed on unchanged. An unknown encoding is a *SyntaxError.
func StreamUTF8(document io.Reader) (converted io.Reader, lossy bool, err error) {
	r := bufio.NewReaderSize(document, 64<<10)
	begin, err := r.Peek(declarationLength)
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	decoder, mark, err := decoderOf(begin, declared(begin))
	if err != nil {
		return nil, false, err
	}
	if decoder != nil {
		return transform.NewReader(r, decoder), true, nil
	}
	_, err = r.Discard(mark)
	return r, false, err
}
