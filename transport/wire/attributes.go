// Package wire decodes and encodes clients as XML, JSON and forms, as the Harvest API has them.
//
//	body, Content-Type ─→ UTF-8 ─→ DecodeXML, DecodeJSON or DecodeForm ─→ domain.ClientAttributes
//	domain.Client ─→ XML or JSON, an Encoding ─→ response
//
// The decoders accept what old client libraries send: whole objects with read-only elements, which are ignored, names with
// hyphens or underscores, and values of another JSON type. They refuse everything that is not well-formed, also where the
// decoders of the standard library do not: duplicate XML attributes, halves of surrogate pairs, bytes that are invalid in their
// encoding. Every such error is a domain.Error of the kind Invalid. If a document names an attribute of a client
// twice, the last value counts. Whether values are valid is decided by the domain.
//
// The encoders append to a buffer and never fail: everything that the domain accepts has a representation. Decoding what
// was encoded returns the same values. They are written by hand, since encoding/xml and encoding/json allocate
// for each value of each client in a list.
//
// The other documents of the API, such as a history, are trees of [Field] values. ParseTime decodes the times in queries.
package wire

import (
	"math"
	"strconv"
	"strings"

	"clients/domain"
)

func invalidf(format string, args ...any) error {
	return domain.Errorf(domain.Invalid, format, args...)
}

// value is the value of one attribute in a document.
type value struct {
	kind kind
	text string
}

type kind int

const (
	untyped kind = iota // text of any type, as in XML and forms
	null
	text
	number
	boolean
	compound // an object, a list, nested elements
)

// set sets an attribute, whose name may have hyphens or underscores. Names that are not writable are ignored: callers send
// whole objects back.
func set(a *domain.ClientAttributes, name string, v value) error {
	switch strings.ReplaceAll(name, "-", "_") {
	case "name":
		return v.required(&a.Name, "Name")
	case "currency":
		return v.required(&a.Currency, "Currency")
	case "currency_symbol":
		if a.DeriveSymbol = v.kind == null; a.DeriveSymbol {
			a.CurrencySymbol = nil
			return nil
		}
		return v.string(&a.CurrencySymbol, "Currency symbol")
	case "details":
		if v.kind == null {
			v = value{kind: text}
		}
		return v.string(&a.Details, "Details")
	case "active":
		return v.bool(&a.Active, "Active")
	case "highrise_id":
		return v.id(&a.HighriseID, "Highrise id")
	}
	return nil
}

func (v value) required(to **string, label string) error {
	if v.kind == null {
		return invalidf("%s can't be null.", label)
	}
	return v.string(to, label)
}

func (v value) string(to **string, label string) error {
	if v.kind != untyped && v.kind != text && v.kind != number {
		return invalidf("%s must be text.", label)
	}
	*to = &v.text
	return nil
}

func (v value) bool(to **bool, label string) error {
	if v.kind == null {
		return invalidf("%s can't be null.", label)
	}
	var b bool
	switch given := strings.ToLower(strings.TrimSpace(v.text)); {
	case v.kind != compound && (given == "true" || given == "1"):
		b = true
	case v.kind != compound && (given == "false" || given == "0"):
	default:
		return invalidf("%s must be true or false.", label)
	}
	*to = &b
	return nil
}

// id sets a number from 1 up. Null, the empty text and 0 clear the attribute, which is 0 then.
func (v value) id(to **int64, label string) error {
	given := strings.TrimSpace(v.text)
	if v.kind == null || v.kind != compound && given == "" {
		*to = new(int64)
		return nil
	}
	n, ok := wholeNumber(given)
	if !ok && v.kind == number && strings.ContainsAny(given, "eE") { // as libraries write it that read numbers as floating-point ones
		f, err := strconv.ParseFloat(given, 64)
		n, ok = int64(f), err == nil && f == math.Trunc(f) && f >= 1 && f < 1<<53 // below, each whole number is exact
	}
	if v.kind == compound || v.kind == boolean || !ok || n < 0 {
		return invalidf("%s must be a whole number between 1 and %d.", label, int64(domain.MaxID))
	}
	*to = &n
	return nil
}

// wholeNumber parses 5, and 5.0 as libraries without integers write it.
func wholeNumber(text string) (int64, bool) {
	if whole, fraction, found := strings.Cut(text, "."); found && fraction != "" && strings.Trim(fraction, "0") == "" {
		text = whole
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
