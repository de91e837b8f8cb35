package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// jsonList is a list in JSON. Its decoder reads ahead, so that the line of the decoder follows from what it has buffered.
type jsonList struct {
	text    io.Reader
	line    int // of the end of what was read
	decoder *json.Decoder
}

// Read counts lines.
func (l *jsonList) Read(p []byte) (int, error) {
	n, err := l.text.Read(p)
	l.line += bytes.Count(p[:n], []byte("\n"))
	return n, err
}

// rest returns what the decoder has read ahead, and the line where that begins.
func (l *jsonList) rest() (text []byte, line int) {
	text, _ = io.ReadAll(l.decoder.Buffered())
	return text, l.line - bytes.Count(text, []byte("\n"))
}

// readJSON reads [{"client":{…}}, …].
func readJSON(text io.Reader, each func(record) error) error {
	list := &jsonList{text: text, line: 1}
	list.decoder = json.NewDecoder(list)
	_, err := list.decoder.Token()
	for err == nil && list.decoder.More() {
		var document json.RawMessage
		if err = list.decoder.Decode(&document); err != nil {
			break
		}
		_, end := list.rest()
		line := end - bytes.Count(document, []byte("\n"))
		if document[0] != '{' {
			return &listError{line, "not a client"}
		}
		if err := each(jsonRecord(line, document)); err != nil {
			return err
		}
	}
	if err == nil {
		_, err = list.decoder.Token() // ]
	}
	if err != nil {
		return list.fault(err)
	}
	if _, err = list.decoder.Token(); err == io.EOF {
		return nil
	} else if err == nil || errors.As(err, new(*json.SyntaxError)) {
		_, line := list.rest()
		return &listError{line, "content after the list"}
	}
	return err
}

// fault returns the error of the decoder, with its line if the list is malformed. The value is decoded again, since the
// offset in the error does not count what is between clients.
func (l *jsonList) fault(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return &listError{l.line, "unexpected end of file"}
	}
	var syntax, again *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	value, line := l.rest()
	if errors.As(json.NewDecoder(bytes.NewReader(value)).Decode(new(json.RawMessage)), &again) && again.Offset > 0 {
		line += bytes.Count(value[:again.Offset-1], []byte("\n"))
	}
	return &listError{line, syntax.Error()}
}

func jsonRecord(line int, document []byte) record {
	var compact bytes.Buffer
	_ = json.Compact(&compact, document) // it is valid
	var known struct{ Client struct{ ID json.Number } }
	_ = json.Unmarshal(document, &known) // without an id if it is not a number
	return record{line: line, oldID: parseID(known.Client.ID.String()), contentType: "application/json", document: compact.Bytes()}
}
