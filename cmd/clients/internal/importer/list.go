package importer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
)

// record is one client of a list.
type record struct {
	line        int // where it begins
	oldID       int64
	contentType string
	document    []byte // the request body
	key         string // digest of the document, and its number among equal ones
}

// listError reports that a list is malformed. What stands before the line was read.
type listError struct {
	line   int
	reason string
}

func (e *listError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.reason) }

const byteOrderMark = "\xEF\xBB\xBF"

// maxBlank is how many bytes of white space may stand before a list.
const maxBlank = 4 << 10

// readList calls each for every client of a list, in its order. A list that is malformed is a *listError.
func readList(r io.Reader, each func(record) error) error {
	text := bufio.NewReaderSize(r, maxBlank)
	begin, _ := text.Peek(len(byteOrderMark))
	marked := string(begin) == byteOrderMark // so it is UTF-8, whatever it declares
	if marked {
		_, _ = text.Discard(len(byteOrderMark))
	}
	begin, err := text.Peek(maxBlank)
	begin = bytes.TrimLeft(begin, " \t\r\n")
	switch {
	case bytes.HasPrefix(begin, []byte("<")):
		return readXML(text, marked, each)
	case bytes.HasPrefix(begin, []byte("[")):
		return readJSON(text, each)
	case err != nil && err != io.EOF:
		return err
	case len(begin) == 0:
		return &listError{1, "no list found: the input is empty"}
	}
	return &listError{1, "neither XML nor a JSON array"}
}

// digest identifies the content of a record, wherever it stands in whichever list.
func (r record) digest() string {
	sum := sha256.Sum256(r.document)
	return hex.EncodeToString(sum[:16])
}

// parseID returns 0 if text is not an id.
func parseID(text string) int64 {
	id, _ := strconv.ParseInt(text, 10, 64)
	return id
}
