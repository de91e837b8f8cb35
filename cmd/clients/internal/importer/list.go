package importer

import (
	"bufio"
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
	undecodable bool   // it has bytes that are invalid in the encoding of the list
	key         string // digest of the document, and its number among equal ones
}

// listError reports that a list is malformed. What stands before the line was read.
type listError struct {
	line   int
	reason string
}

func (e *listError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.reason) }

const byteOrderMark = "\xEF\xBB\xBF"

// readList calls each for every client of a list, in its order. A list that is malformed is a *listError.
func readList(r io.Reader, each func(record) error) error {
	text := bufio.NewReaderSize(r, 64<<10)
	begin, _ := text.Peek(len(byteOrderMark))
	marked := string(begin) == byteOrderMark // so it is UTF-8, whatever it declares
	if marked {
		_, _ = text.Discard(len(byteOrderMark))
	}
	for line := 1; ; {
		next, err := text.ReadByte()
		switch {
		case err == io.EOF:
			return &listError{line, "no list found: the input is empty"}
		case err != nil:
			return err
		case next == '\n':
			line++
		case next == '<':
			_ = text.UnreadByte()
			return readXML(text, marked, line, each)
		case next == '[':
			_ = text.UnreadByte()
			return readJSON(text, line, each)
		case next != ' ' && next != '\t' && next != '\r':
			return &listError{line, "neither XML nor a JSON array"}
		}
	}
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
