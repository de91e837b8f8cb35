package importer

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readXML reads <clients><client>…</client>…</clients>.
func readXML(text *source, each func(record) error) error {
	begin := int64(len(text.kept)) // blanks before the list, which the decoder does not see
	decoder := xml.NewDecoder(text)
	decoder.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is UTF-8 by now
	depth, rootSeen := 0, false
	var start int64 // of the client
	for {
		at := begin + decoder.InputOffset()
		if depth < 2 {
			text.discard(at)
		}
		token, err := decoder.Token()
		if err == io.EOF && rootSeen {
			return nil
		}
		if err != nil {
			return xmlFault(err, text, begin+decoder.InputOffset())
		}
		fault := ""
		switch token := token.(type) {
		case xml.StartElement:
			fault = misplaced(token.Name.Local, depth, rootSeen)
			if depth == 1 {
				start = at
			}
			depth, rootSeen = depth+1, true
		case xml.EndElement:
			if depth--; depth == 1 {
				document := text.from(start)[:begin+decoder.InputOffset()-start]
				if err := each(xmlRecord(text.line(start), document)); err != nil {
					return err
				}
			}
		case xml.CharData:
			if depth < 2 && len(bytes.TrimSpace(token)) > 0 {
				fault = "text outside of a client"
			}
		}
		if fault != "" {
			return &listError{text.line(at), fault}
		}
	}
}

// misplaced returns what is wrong with the start of an element, or "".
func misplaced(name string, depth int, rootSeen bool) string {
	switch {
	case depth == 0 && rootSeen:
		return "content after </clients>"
	case depth == 0 && name != "clients":
		return fmt.Sprintf("the root is <%s>, not <clients>", name)
	case depth == 1 && name != "client":
		return fmt.Sprintf("<%s> where <client> is expected", name)
	case depth > 1 && name == "client":
		return "<client> within a client that has no end"
	}
	return ""
}

// xmlFault returns the error of a decoder, with the line of offset if the list is malformed.
func xmlFault(err error, text *source, offset int64) error {
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return &listError{text.line(min(offset, text.base+int64(len(text.kept)))), syntax.Msg}
	case err == io.EOF:
		return &listError{text.line(text.base + int64(len(text.kept))), "no <clients> found"}
	}
	return err
}

func xmlRecord(line int, document []byte) record {
	found := record{line: line, contentType: "application/xml"}
	found.document = bytes.ReplaceAll(document, []byte("\r\n"), []byte("\n")) // a copy; XML reads \r\n as \n
	var known struct {
		ID        string `xml:"id"`
		Timeframe string `xml:"default-invoice-timeframe"`
		Kind      string `xml:"last-invoice-kind"`
	}
	if xml.Unmarshal(found.document, &known) == nil {
		found.oldID = parseID(strings.TrimSpace(known.ID))
		found.defaults = strings.TrimSpace(known.Timeframe+known.Kind) != ""
	}
	return found
}
