package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// readJSON reads [{"client":{…}}, …] from text, which is list.
func readJSON(list []byte, text io.Reader, each func(record) error) error {
	decoder := json.NewDecoder(text)
	_, err := decoder.Token()
	line, counted := 1, 0 // the line at an offset
	for err == nil && decoder.More() {
		var document json.RawMessage
		if err = decoder.Decode(&document); err != nil {
			break
		}
		begin := int(decoder.InputOffset()) - len(document)
		line += bytes.Count(list[counted:begin], []byte("\n"))
		counted = begin
		if document[0] != '{' {
			return &listError{line, "not a client"}
		}
		if err := each(jsonRecord(line, document)); err != nil {
			return err
		}
	}
	if syntax := new(json.SyntaxError); errors.As(json.Unmarshal(list, new(json.RawMessage)), &syntax) {
		return &listError{1 + bytes.Count(list[:syntax.Offset-1], []byte("\n")), syntax.Error()}
	}
	return nil
}

func jsonRecord(line int, document []byte) record {
	var compact bytes.Buffer
	_ = json.Compact(&compact, document) // it is valid
	var known struct{ Client struct{ ID json.Number } }
	_ = json.Unmarshal(document, &known) // without an id if it is not a number
	return record{line: line, oldID: parseID(known.Client.ID.String()), contentType: "application/json", document: compact.Bytes()}
}
