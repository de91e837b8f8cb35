package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

func appendXMLFields(b []byte, name string, fields []Field, indent string) []byte {
	b = fmt.Appendf(b, "%s<%s>\n", indent, name)
	for _, f := range fields {
		b = appendXMLField(b, strings.ReplaceAll(f.Name, "_", "-"), f.Value, indent+"  ")
	}
	return fmt.Appendf(b, "%s</%s>\n", indent, name)
}

func appendXMLField(b []byte, name string, value any, indent string) []byte {
	switch v := value.(type) {
	case nil:
		return fmt.Appendf(b, "%s<%s nil=\"true\"/>\n", indent, name)
	case []Field:
		return appendXMLFields(b, name, v, indent)
	}
	kind, text := scalar(value)
	if kind != "" {
		kind = ` type="` + kind + `"`
	}
	b = fmt.Appendf(b, "%s<%s%s>", indent, name, kind)
	return fmt.Appendf(appendXMLText(b, text), "</%s>\n", name)
}

// appendJSONHash appends an object, which has no name in JSON.
func appendJSONHash(b []byte, _ string, fields []Field) []byte {
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
			b = appendJSONHash(b, "", v)
		case int64, bool:
			b = fmt.Append(b, v)
		default:
			_, text := scalar(v)
			b = appendJSONText(b, text)
		}
	}
	return append(b, '}')
}

// scalar returns a value as text, and its type in XML, which is "" for a string.
func scalar(value any) (kind, text string) {
	switch v := value.(type) {
	case int64:
		return "integer", strconv.FormatInt(v, 10)
	case bool:
		return "boolean", strconv.FormatBool(v)
	case time.Time:
		return "datetime", string(appendTime(nil, v))
	}
	return "", value.(string)
}
