package wire

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"clients/domain"
)

// DecodeJSON sets the attributes that {"client": {…}} names. label is the encoding named by the Content-Type, "" for none.
// Some attributes may be set when it returns an error.
func DecodeJSON(document []byte, label string, a *domain.ClientAttributes) error {
	document, _, err := toUTF8(document, label)
	if err != nil {
		return err
	}
	if !utf8.Valid(document) {
		return invalidf("The JSON is not valid UTF-8.")
	}
	if loneSurrogate(document) {
		return invalidf("The JSON has an unpaired surrogate.")
	}
	if !json.Valid(document) { // it also bounds the depth
		return invalidf("The JSON is not well-formed.")
	}
	var root, client map[string]json.RawMessage
	if json.Unmarshal(document, &root) != nil || json.Unmarshal(root["client"], &client) != nil || client == nil {
		return invalidf(`The JSON must be an object with the member "client", itself an object.`)
	}
	for _, name := range slices.Sorted(maps.Keys(client)) { // so that the first error is always the same one
		if err := set(a, name, jsonValue(client[name])); err != nil {
			return err
		}
	}
	return nil
}

func jsonValue(raw json.RawMessage) value {
	switch raw[0] {
	case 'n':
		return value{kind: null}
	case 't', 'f':
		return value{kind: boolean, text: string(raw)}
	case '{', '[':
		return value{kind: compound}
	case '"':
		v := value{kind: text}
		_ = json.Unmarshal(raw, &v.text) // it is valid
		return v
	default:
		return value{kind: number, text: string(raw)}
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
