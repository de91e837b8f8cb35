package wire

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// ToUTF8 converts a document that its sender says is in the encoding named label; "" stands for no word about it.
// A byte order mark says more than the label. certain tells whether the result is UTF-8 for sure, so that a declaration
// inside of the document, which a sender may have left as it was, no longer counts.
func ToUTF8(document []byte, label string) (converted []byte, certain bool, err error) {
	switch {
	case bytes.HasPrefix(document, []byte("\xEF\xBB\xBF")):
		return document[3:], true, nil
	case bytes.HasPrefix(document, []byte("\xFE\xFF")), bytes.HasPrefix(document, []byte("\xFF\xFE")):
		converted, _, err = transform.Bytes(unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder(), document)
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
	converted, err = io.ReadAll(reader)
	return converted, true, err
}
