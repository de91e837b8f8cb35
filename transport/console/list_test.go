package console_test

import (
	"net/url"
	"strings"
	"testing"

	"clients/projections/readmodel"
	"clients/transport/console"

	"github.com/stretchr/testify/require"
)

// A search for an id that the account does not have leads to its history, if there can be such an id.
func TestASearchForAnID(t *testing.T) {
	t.Parallel()
	for query, linked := range map[string]bool{"7": true, "0": false, "-7": false, "9223372036854775807": true, "9223372036854775808": false} {
		page := console.List(console.Frame{}, url.Values{"q": {query}}, readmodel.NewModel().List("test"))
		require.Equal(t, linked, strings.Contains(string(page), `<a href="/console/clients/`+query+`">its history</a>`), query)
		require.Equal(t, linked, strings.Contains(string(page), "its history"), query)
	}
}
