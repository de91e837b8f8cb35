package importer

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"clients/transport/wire"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
)

// xmlClient is a <client> of a list.
type xmlClient struct {
	Content []byte `xml:",innerxml"`
	ID      string `xml:"id"`
}

// readXML reads <clients><client>…</client>…</clients>.
func readXML(text io.Reader, isUTF8 bool, each func(record) error) error {
	decoder := xml.NewDecoder(text)
	converted := false
	decoder.CharsetReader = func(label string, r io.Reader) (io.Reader, error) {
		label = strings.ToLower(label)
		if isUTF8 || strings.HasPrefix(label, "utf-16") {
			return r, nil // as programs declare that serialise to a string; what is really UTF-16 cannot be read as far as here
		}
		converted = true
		if wire.IsASCII(label) {
			return transform.NewReader(r, runes.Map(wire.OnlyASCII)), nil
		}
		return charset.NewReaderLabel(label, r)
	}
	inList, listSeen := false, false
	for {
		token, err := decoder.Token()
		line, _ := decoder.InputPos()
		switch {
		case err == io.EOF && listSeen:
			return nil
		case err == io.EOF:
			return &listError{line, "no <clients> found"}
		case err != nil:
			return xmlFault(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			switch name := token.Name.Local; {
			case inList && name == "client":
				var found xmlClient
				if err := decoder.DecodeElement(&found, &token); err != nil {
					return xmlFault(err)
				}
				r := found.record(line)
				if converted && bytes.ContainsRune(r.document, '\uFFFD') {
					return &listError{line, "bytes that are invalid in the encoding of the list"}
				}
				if err := each(r); err != nil {
					return err
				}
			case name == "clients" && !listSeen:
				inList, listSeen = true, true
			default:
				return &listError{line, fmt.Sprintf("unexpected <%s>", name)}
			}
		case xml.EndElement:
			inList = false
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return &listError{line, "text outside of a client"}
			}
		}
	}
}

// xmlFault returns the error of a decoder, with its line if the list is malformed.
func xmlFault(err error) error {
	if syntax := new(xml.SyntaxError); errors.As(err, &syntax) {
		return &listError{syntax.Line, syntax.Msg}
	}
	return err
}

// record returns the client as a request body. XML reads \r\n as \n.
func (c xmlClient) record(line int) record {
	content := bytes.ReplaceAll(c.Content, []byte("\r\n"), []byte("\n"))
	return record{
		line: line, oldID: parseID(strings.TrimSpace(c.ID)),
		contentType: "application/xml", document: []byte("<client>" + string(content) + "</client>"),
	}
}
