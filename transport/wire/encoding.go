package wire

import "clients/domain"

// Encoding is how documents are encoded. Its functions append to a buffer.
type Encoding struct {
	ContentType    string
	ListStart      string
	ListEnd        string
	HistoryStart   string
	HistoryEnd     string
	Separator      string                                             // between the entries of a list or a history
	AppendClient   func(b []byte, c *domain.Client) []byte            // an entry of a list
	AppendDocument func(b []byte, c *domain.Client) []byte            // a client alone
	AppendEvent    func(b []byte, fields []Field) []byte              // an entry of a history
	AppendHash     func(b []byte, name string, fields []Field) []byte // any other document
}

// The encodings.
var (
	XML = &Encoding{
		ContentType:    "application/xml; charset=utf-8",
		ListStart:      xmlDeclaration + `<clients type="array">` + "\n",
		ListEnd:        "</clients>\n",
		HistoryStart:   xmlDeclaration + `<history type="array">` + "\n",
		HistoryEnd:     "</history>\n",
		AppendClient:   appendXML,
		AppendDocument: func(b []byte, c *domain.Client) []byte { return appendXML(append(b, xmlDeclaration...), c) },
		AppendEvent:    func(b []byte, fields []Field) []byte { return appendXMLFields(b, "event", fields, "  ") },
		AppendHash: func(b []byte, name string, fields []Field) []byte {
			return appendXMLFields(append(b, xmlDeclaration...), name, fields, "")
		},
	}
	JSON = &Encoding{
		ContentType:    "application/json; charset=utf-8",
		ListStart:      "[",
		ListEnd:        "]",
		HistoryStart:   "[",
		HistoryEnd:     "]",
		Separator:      ",",
		AppendClient:   appendJSON,
		AppendDocument: appendJSON,
		AppendEvent:    func(b []byte, fields []Field) []byte { return appendJSONHash(b, "", []Field{{"event", fields}}) },
		AppendHash:     appendJSONHash,
	}
)

// AppendError appends the document of an error.
func (e *Encoding) AppendError(b []byte, message string) []byte {
	return e.AppendHash(b, "error", []Field{{Name: "message", Value: message}})
}

// Field is a named value of a document: a string, int64, bool, time.Time, nil for null, or []Field for an object within.
type Field struct {
	Name  string // with underscores
	Value any
}
