package wire

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"clients/domain"
)

// DecodeForm reads what values say about a client the Rails way, client[name]=…, into draft. found tells whether they
// name a client at all. Every error is a *SyntaxError.
func DecodeForm(values url.Values, draft *domain.ClientAttributes) (found bool, err error) {
	for _, key := range slices.Sorted(maps.Keys(values)) { // so that the same values always lead to the same answer
		name, ok := strings.CutPrefix(key, "client[")
		name, closed := strings.CutSuffix(name, "]")
		if !ok || !closed {
			continue
		}
		found = true
		given := values[key]
		if err := fill(draft, strings.ReplaceAll(name, "-", "_"), value{text: given[len(given)-1]}); err != nil {
			return true, err
		}
	}
	return found, nil
}
