package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Field is a named value of a hash, as Rails writes one: a string, int64, bool, time.Time, nil for null, or []Field for a hash
// within.
type Field struct {
	Name  string // with underscores
	Value any
}

// AppendXMLHash appends a document with the root <hash>.
func AppendXMLHash(b []byte, fields []Field) []byte {
	return appendXMLFields(append(b, xmlDeclaration...), "hash", fields, "")
}

// What a history in XML begins and ends with.
const (
	XMLHistoryStart = xmlDeclaration + `<history type="array">` + "\n"
	XMLHistoryEnd   = "</history>\n"
)

// AppendXMLEvent appends an event of a history.
func AppendXMLEvent(b []byte, fields []Field) []byte {
	return appendXMLFields(b, "event", fields, "  ")
}

// AppendJSONEvent appends an event of a history, as {"event":{…}}.
func AppendJSONEvent(b []byte, fields []Field) []byte {
	return AppendJSONHash(b, []Field{{Name: "event", Value: fields}})
}

func appendXMLFields(b []byte, name string, fields []Field, indent string) []byte {
	b = fmt.Appendf(b, "%s<%s>\n", indent, name)
	for _, f := range fields {
		b = appendXMLField(b, strings.ReplaceAll(f.Name, "_", "-"), f.Value, indent+"  ")
	}
	return fmt.Appendf(b, "%s</%s>\n", indent, name)
}

func appendXMLField(b []byte, name string, value any, indent string) []byte {
	kind, text := "", ""
	switch v := value.(type) {
	case nil:
		return fmt.Appendf(b, "%s<%s nil=\"true\"/>\n", indent, name)
	case []Field:
		return appendXMLFields(b, name, v, indent)
	case int64:
		kind, text = "integer", strconv.FormatInt(v, 10)
	case bool:
		kind, text = "boolean", strconv.FormatBool(v)
	case time.Time:
		kind, text = "datetime", string(appendTime(nil, v))
	case string:
		text = v
	}
	if kind != "" {
		kind = ` type="` + kind + `"`
	}
	b = fmt.Appendf(b, "%s<%s%s>", indent, name, kind)
	return fmt.Appendf(appendXMLText(b, text), "</%s>\n", name)
}

// AppendJSONHash appends an object.
func AppendJSONHash(b []byte, fields []Field) []byte {
	b = append(b, '{')
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSONText(b, f.Name), ':')
		switch v := f.Value.(type) {
		case nil:
			b = append(b, "null"...)
		case []Field:
			b = AppendJSONHash(b, v)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case bool:
			b = strconv.AppendBool(b, v)
		case time.Time:
			b = append(appendTime(append(b, '"'), v), '"')
		case string:
			b = appendJSONText(b, v)
		}
	}
	return append(b, '}')
}
