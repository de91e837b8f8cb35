package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// readJSON reads [{"client":{…}}, …].
func readJSON(text *source, each func(record) error) error {
	begin := int64(len(text.kept)) // blanks before the list, which the decoder does not see
	decoder := json.NewDecoder(text)
	_, err := decoder.Token()
	for err == nil && decoder.More() {
		text.discard(begin + decoder.InputOffset())
		var document json.RawMessage
		if err = decoder.Decode(&document); err != nil {
			break
		}
		line := text.line(begin + decoder.InputOffset() - int64(len(document)))
		if document[0] != '{' {
			return &listError{line, "not a client"}
		}
		if err := each(jsonRecord(line, document)); err != nil {
			return err
		}
	}
	if err == nil {
		_, err = decoder.Token() // ]
	}
	if err == nil {
		text.discard(begin + decoder.InputOffset())
		if _, err = decoder.Token(); err == io.EOF {
			return nil
		} else if err == nil || errors.As(err, new(*json.SyntaxError)) {
			rest := text.from(text.base)
			blanks := len(rest) - len(bytes.TrimLeft(rest, " \t\r\n"))
			return &listError{text.line(text.base + int64(blanks)), "content after the list"}
		}
	}
	return jsonFault(err, text)
}

// jsonFault returns the error of a decoder, with its line if the list is malformed. What the decoder has read since the
// last client is read again, since its own offsets do not count what is between clients.
func jsonFault(err error, text *source) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return &listError{text.line(text.base + int64(len(text.kept))), "unexpected end of file"}
	}
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	rest := text.from(text.base)
	value := bytes.TrimLeft(rest, ", \t\r\n")
	at := text.base + int64(len(rest)-len(value))
	var again *json.SyntaxError
	if errors.As(json.Unmarshal(value, new(json.RawMessage)), &again) && again.Offset > 0 {
		at += again.Offset - 1
	}
	return &listError{text.line(at), syntax.Error()}
}

func jsonRecord(line int, document []byte) record {
	found := record{line: line, contentType: "application/json"}
	var compact bytes.Buffer
	_ = json.Compact(&compact, document) // it is valid
	found.document = compact.Bytes()
	var known struct {
		Client struct {
			ID        json.Number
			Timeframe string `json:"default_invoice_timeframe"`
			Kind      string `json:"last_invoice_kind"`
		}
	}
	if json.Unmarshal(document, &known) == nil {
		found.oldID = parseID(known.Client.ID.String())
		found.defaults = known.Client.Timeframe+known.Client.Kind != ""
	}
	return found
}
