package console_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/readmodel"
	"clients/transport/console"

	"github.com/stretchr/testify/require"
)

// A search through many clients ends with its caller.
func TestASearchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	m := readmodel.NewModel()
	_, err := m.Fold(eventstore.Record{Sequence: 1, ClientID: 7, Envelope: domain.Envelope{
		Account: "test", Version: 1, Event: domain.ClientCreated{ID: 7, Name: "SuprCorp"},
	}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	page, err := console.List(ctx, console.Frame{}, url.Values{"q": {"supr"}}, m.List("test"))
	require.NoError(t, err)
	require.Contains(t, string(page), "SuprCorp")
	cancel()
	_, err = console.List(ctx, console.Frame{}, url.Values{"q": {"supr"}}, m.List("test"))
	require.ErrorIs(t, err, context.Canceled)
}

// A search for an id that the account does not have leads to its history, if there can be such an id.
func TestASearchForAnID(t *testing.T) {
	t.Parallel()
	for query, linked := range map[string]bool{"7": true, "0": false, "-7": false, "9223372036854775807": true, "9223372036854775808": false} {
		page, err := console.List(t.Context(), console.Frame{}, url.Values{"q": {query}}, readmodel.NewModel().List("test"))
		require.NoError(t, err)
		require.Equal(t, linked, strings.Contains(string(page), `<a href="/console/clients/`+query+`">its history</a>`), query)
		require.Equal(t, linked, strings.Contains(string(page), "its history"), query)
	}
}
