package wire

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"clients/domain"
)

// DecodeForm sets the attributes that values name the Rails way, client[name]=…. found reports whether they name any.
func DecodeForm(values url.Values, a *domain.ClientAttributes) (found bool, err error) {
	for _, key := range slices.Sorted(maps.Keys(values)) { // so that the first error is always the same one
		name, ok := strings.CutPrefix(key, "client[")
		name, closed := strings.CutSuffix(name, "]")
		if !ok || !closed {
			continue
		}
		found = true
		given := values[key]
		if err := set(a, name, value{text: given[len(given)-1]}); err != nil {
			return true, err
		}
	}
	return found, nil
}
