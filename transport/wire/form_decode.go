package wire

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"clients/domain"
)

// DecodeForm sets the attributes that values name the Rails way, client[name]=…. found reports whether they name any. Values that
// are not valid UTF-8 are converted from the encoding label, unless that is "": many programs send UTF-8 whatever they declare.
func DecodeForm(values url.Values, label string, a *domain.ClientAttributes) (found bool, err error) {
	for _, key := range slices.Sorted(maps.Keys(values)) { // so that the first error is always the same one
		name, ok := strings.CutPrefix(key, "client[")
		name, closed := strings.CutSuffix(name, "]")
		if !ok || !closed {
			continue
		}
		found = true
		text := values[key][len(values[key])-1]
		if label != "" && !utf8.ValidString(text) {
			converted, _, err := toUTF8([]byte(text), label)
			if err != nil {
				return true, err
			}
			text = string(converted)
		}
		if err := set(a, name, value{text: text}); err != nil {
			return true, err
		}
	}
	return found, nil
}
