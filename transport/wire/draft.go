// Package wire reads and writes clients as XML and JSON, the way the Harvest API spells them. What it reads it leaves
// to the domain to judge; what the domain has accepted it can always write.
package wire

import (
	"fmt"
	"strconv"
	"strings"

	"clients/domain"
)

// A SyntaxError tells why a document is not a client. Its text is made for the caller.
type SyntaxError struct{ Reason string }

func (e *SyntaxError) Error() string { return e.Reason }

func syntaxErrorf(format string, args ...any) error {
	return &SyntaxError{Reason: fmt.Sprintf(format, args...)}
}

// value is what a document says about one attribute.
type value struct {
	kind kind
	text string
}

type kind int

const (
	untyped kind = iota // text that stands for whatever the attribute is, as in XML and forms
	null
	text
	number
	boolean
	compound // an object, a list, nested elements
)

// fill sets the attribute of a draft. Names that cannot be written are passed over: callers send whole objects back.
func fill(d *domain.ClientAttributes, name string, v value) error {
	set, ok := attributes[name]
	if !ok {
		return nil
	}
	return set(d, v)
}

// attributes are what can be written, by their names with underscores.
var attributes = map[string]func(*domain.ClientAttributes, value) error{
	"name": func(d *domain.ClientAttributes, v value) error {
		return v.required(&d.Name, "Name")
	},
	"currency": func(d *domain.ClientAttributes, v value) error {
		return v.required(&d.Currency, "Currency")
	},
	"currency_symbol": func(d *domain.ClientAttributes, v value) error {
		if v.kind == null {
			d.DeriveSymbol = true
			return nil
		}
		return v.string(&d.CurrencySymbol, "Currency symbol")
	},
	"details": func(d *domain.ClientAttributes, v value) error {
		if v.kind == null {
			v = value{kind: text}
		}
		return v.string(&d.Details, "Details")
	},
	"active": func(d *domain.ClientAttributes, v value) error {
		return v.bool(&d.Active, "Active")
	},
	"highrise_id": func(d *domain.ClientAttributes, v value) error {
		return v.id(&d.HighriseID, "Highrise id")
	},
}

func (v value) required(to **string, label string) error {
	if v.kind == null {
		return syntaxErrorf("%s can't be null.", label)
	}
	return v.string(to, label)
}

func (v value) string(to **string, label string) error {
	if v.kind != untyped && v.kind != text && v.kind != number {
		return syntaxErrorf("%s must be a text.", label)
	}
	*to = &v.text
	return nil
}

func (v value) bool(to **bool, label string) error {
	if v.kind == null {
		return syntaxErrorf("%s can't be null.", label)
	}
	var b bool
	switch given := strings.ToLower(strings.TrimSpace(v.text)); {
	case v.kind != compound && (given == "true" || given == "1"):
		b = true
	case v.kind != compound && (given == "false" || given == "0"):
	default:
		return syntaxErrorf("%s must be true or false.", label)
	}
	*to = &b
	return nil
}

// id reads a number from 1 up. Null, the empty text and 0 clear the attribute; the draft has 0 then.
func (v value) id(to **int64, label string) error {
	given := strings.TrimSpace(v.text)
	if v.kind == null || v.kind != compound && given == "" {
		*to = new(int64)
		return nil
	}
	n, ok := wholeNumber(given)
	if v.kind == compound || v.kind == boolean || !ok || n < 0 {
		return syntaxErrorf("%s must be a whole number between 1 and %d.", label, int64(domain.MaxID))
	}
	*to = &n
	return nil
}

// wholeNumber reads 5, and 5.0 as libraries without integers write it.
func wholeNumber(text string) (int64, bool) {
	if whole, fraction, found := strings.Cut(text, "."); found && fraction != "" && strings.Trim(fraction, "0") == "" {
		text = whole
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
