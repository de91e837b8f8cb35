package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"clients/domain"
)

// DecodeJSON sets the attributes that {"client": {…}} names. label is the encoding named by the Content-Type, "" for none.
// Every error is a *SyntaxError; some attributes may be set then.
func DecodeJSON(document []byte, label string, a *domain.ClientAttributes) error {
	document, _, err := ToUTF8(document, label)
	if err != nil {
		return err
	}
	if !utf8.Valid(document) {
		return syntaxErrorf("The JSON is not valid UTF-8.")
	}
	if loneSurrogate(document) {
		return syntaxErrorf("The JSON has half of a surrogate pair.")
	}
	if !json.Valid(document) { // it also bounds the depth
		return syntaxErrorf("The JSON is not well-formed.")
	}
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	found := false
	err = members(d, func(name string) error {
		if name != "client" {
			return skip(d)
		}
		if found {
			return syntaxErrorf(`The member "client" stands there twice.`)
		}
		found = true
		return client(d, a)
	})
	if err == nil && !found {
		err = syntaxErrorf(`The JSON must be an object with the member "client".`)
	}
	var syntax *SyntaxError
	if err != nil && !errors.As(err, &syntax) {
		err = syntaxErrorf("The JSON is not well-formed.")
	}
	return err
}

// client reads the members of the client object.
func client(d *json.Decoder, a *domain.ClientAttributes) error {
	seen := make(map[string]bool)
	return members(d, func(name string) error {
		name = strings.ReplaceAll(name, "-", "_")
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		if _, known := setters[name]; known && seen[name] {
			return syntaxErrorf("The member %q stands there twice.", name)
		}
		seen[name] = true
		v, err := jsonValue(raw)
		if err != nil {
			return err
		}
		return set(a, name, v)
	})
}

// members calls read for each member of an object, which is to consume its value.
func members(d *json.Decoder, read func(name string) error) error {
	token, err := d.Token()
	if err == io.EOF {
		return syntaxErrorf("The document is empty.")
	}
	if err != nil {
		return err
	}
	if token != json.Delim('{') {
		return syntaxErrorf(`The JSON must be an object with the member "client", itself an object.`)
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if err := read(name); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

func skip(d *json.Decoder) error {
	var ignored json.RawMessage
	return d.Decode(&ignored)
}

func jsonValue(raw json.RawMessage) (value, error) {
	switch raw[0] {
	case 'n':
		return value{kind: null}, nil
	case 't', 'f':
		return value{kind: boolean, text: string(raw)}, nil
	case '{', '[':
		return value{kind: compound}, nil
	case '"':
		v := value{kind: text}
		return v, json.Unmarshal(raw, &v.text)
	default:
		return value{kind: number, text: string(raw)}, nil
	}
}

// loneSurrogate reports whether document escapes one half of a surrogate pair without the other. The standard library
// would silently read it as another character.
func loneSurrogate(document []byte) bool {
	for i := 0; i < len(document); i++ {
		if document[i] != '\\' {
			continue
		}
		i++ // to what is escaped
		switch unit := escapedUnit(document[i-1:]); {
		case unit>>10 == 0xDC00>>10:
			return true
		case unit>>10 == 0xD800>>10:
			if escapedUnit(document[min(i+5, len(document)):])>>10 != 0xDC00>>10 {
				return true
			}
			i += 10
		}
	}
	return false
}

// escapedUnit is the UTF-16 code unit that s begins with, spelled \uXXXX; else 0.
func escapedUnit(s []byte) (unit rune) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0
	}
	for _, c := range s[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0
		}
		unit = unit<<4 | rune(c)
	}
	return unit
}
