package console_test

import (
	"context"
	"net/url"
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
