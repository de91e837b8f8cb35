package transport

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// basicAuth answers the user and the password that a request says it is from. Like the service that callers were made
// for, it takes "basic" in any case and base64 in parentheses, without its padding or broken into lines. A request that
// says it twice says nothing.
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
	return strings.Cut(string(decoded), ":")
}
