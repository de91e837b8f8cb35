package auth

import (
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// basicAuth returns the user and the password of a request; ok is false unless it has exactly one of them. Like the
// original service it accepts "basic" in any case, and base64 in parentheses, without padding or with line breaks. Bytes
// that are not UTF-8 are Latin-1, which old libraries send.
func basicAuth(header http.Header) (user, password string, ok bool) {
	given := header.Values("Authorization")
	if len(given) != 1 {
		return "", "", false
	}
	words := strings.Fields(given[0])
	if len(words) < 2 || !strings.EqualFold(words[0], "basic") {
		return "", "", false
	}
	encoded := strings.Join(words[1:], "")
	if inner, opened := strings.CutPrefix(encoded, "("); opened {
		if encoded, ok = strings.CutSuffix(inner, ")"); !ok {
			return "", "", false
		}
	}
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return "", "", false
	}
	if !utf8.Valid(decoded) {
		decoded, _ = charmap.ISO8859_1.NewDecoder().Bytes(decoded) // every byte is a character
	}
	return strings.Cut(string(decoded), ":")
}
