package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"clients/domain"
)

// DecodeJSON sets the attributes that {"client": {…}} names. label is the encoding named by the Content-Type, "" for none.
// Every error is a *SyntaxError; some attributes may be set then.
func DecodeJSON(document []byte, label string, a *domain.ClientAttributes) error {
	document, _, err := toUTF8(document, label)
	if err != nil {
		return err
	}
	if !utf8.Valid(document) {
		return syntaxErrorf("The JSON is not valid UTF-8.")
	}
	if loneSurrogate(document) {
		return syntaxErrorf("The JSON has an unpaired surrogate.")
	}
	if !json.Valid(document) { // it also bounds the depth
		return syntaxErrorf("The JSON is not well-formed.")
	}
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	found := false
	err = members(d, func(name string) error {
		if name != "client" {
			return d.Decode(&json.RawMessage{})
		}
		if found {
			return syntaxErrorf(`The member "client" appears twice.`)
		}
		found = true
		return client(d, newOnce(a))
	})
	if err == nil && !found {
		err = syntaxErrorf(`The JSON must be an object with the member "client".`)
	}
	if err != nil && !errors.As(err, new(*SyntaxError)) {
		err = syntaxErrorf("The JSON is not well-formed.")
	}
	return err
}

// client reads the members of the client object.
func client(d *json.Decoder, attributes once) error {
	return members(d, func(name string) error {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		v, err := jsonValue(raw)
		if err != nil {
			return err
		}
		return attributes.set(name, v)
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
		if unit := escapedUnit(document[i:]); utf16.IsSurrogate(unit) {
			i += 6
			if utf16.DecodeRune(unit, escapedUnit(document[min(i, len(document)):])) == utf8.RuneError {
				return true
			}
		}
		i++ // to what is escaped
	}
	return false
}

// escapedUnit returns the UTF-16 code unit that s begins with, spelled \uXXXX; else 0.
func escapedUnit(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0
	}
	unit, err := strconv.ParseUint(string(s[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(unit)
}
