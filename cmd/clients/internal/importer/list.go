package importer

import (
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

// readList calls each for every client of a list, in its order, and writes to progress what was read. A list that is
// malformed is a *listError.
func readList(list []byte, progress io.Writer, each func(record) error) error {
	list, isUTF8 := bytes.CutPrefix(list, []byte("\xEF\xBB\xBF")) // whatever it declares
	text := io.TeeReader(bytes.NewReader(list), progress)
	switch begin := bytes.TrimSpace(list); {
	case len(begin) == 0:
		return &listError{1, "no list found: the input is empty"}
	case begin[0] == '<':
		return readXML(text, isUTF8, each)
	case begin[0] == '[':
		return readJSON(list, text, each)
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
