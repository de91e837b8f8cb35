package wire

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	utf16 "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
)

// declarationLength is how far into a document its declaration may reach.
const declarationLength = 1 << 10

// StreamUTF8 is ToUTF8 for a document of any length: by its byte order mark, or by the encoding in its XML declaration. If
// lossy is true each invalid byte is read as U+FFFD; otherwise the document is passed on unchanged. An unknown encoding is a
// *SyntaxError.
func StreamUTF8(document io.Reader) (converted io.Reader, lossy bool, err error) {
	r := bufio.NewReaderSize(document, 64<<10)
	begin, err := r.Peek(declarationLength)
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	switch {
	case bytes.HasPrefix(begin, []byte("\xEF\xBB\xBF")):
		_, err := r.Discard(3)
		return r, false, err
	case bytes.HasPrefix(begin, []byte("\xFE\xFF")), bytes.HasPrefix(begin, []byte("\xFF\xFE")):
		return utf16.UTF16(utf16.BigEndian, utf16.ExpectBOM).NewDecoder().Reader(r), true, nil
	}
	declared := declaration.FindSubmatch(begin)
	if declared == nil {
		return r, false, nil
	}
	label := strings.ToLower(string(declared[1]))
	if label == "utf-8" || label == "utf8" || strings.HasPrefix(label, "utf-16") {
		return r, false, nil
	}
	if isASCII(label) {
		return transform.NewReader(r, runes.Map(onlyASCII)), true, nil
	}
	converted, err = charset.NewReaderLabel(label, r)
	if err != nil {
		return nil, false, syntaxErrorf("The encoding %s of the document is not supported.", label)
	}
	return converted, true, nil
}

func onlyASCII(r rune) rune {
	if r > unicode.MaxASCII {
		return utf8.RuneError
	}
	return r
}
