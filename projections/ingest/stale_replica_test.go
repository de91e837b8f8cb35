package ingest_test

import (
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// A replica may store an event in a restored CLIENTS before it notices the restore: it had read a stream with more on record.
// The messages between are not lost, and that event does not replace the right one.
func TestAReferenceEventOfAStaleReplicaLosesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		messages int
		make     func(change string, id int64, members string, values ...any) *nats.Msg
		source   upstream.Stream
	}{
		"a few":       {3, project, upstream.Projects},
		"a batch":     {20, project, upstream.Projects},
		"with events": {3, invoice, upstream.Invoices},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newSystem(t, 1)
			y.createStreams()
			stale := y.reader()
			one := stale.createClient()
			var all []*nats.Msg
			for n := range c.messages {
				all = append(all, c.make("Created", int64(n+1), `"client_id":1,"kind":"kind %d"`, n))
			}
			y.publish(all...)
			state, err := stale.upstream.State(y.deadline(), c.source)
			require.NoError(t, err)
			last := uint64(c.messages)
			_, err = stale.store.AppendBatch(y.deadline(), []eventstore.Entry{{Reference: domain.ReferenceEvent{
				Source:   domain.Position{Stream: c.source.Name, Created: state.Created, Sequence: last},
				Previous: last - 1, StoredAt: time.Now(), Replica: stale.name,
			}}})
			require.NoError(t, err)
			reached, _ := stale.directory.Reached(c.source.Name, state.Created)
			require.Zero(t, reached.Sequence)

			references := y.replica(0).references(one)
			require.Equal(t, c.messages, references.ActiveProjects+references.Invoices)
		})
	}
}

// Positions that were recorded in a replaced stream do not count.
func TestNothingIsRecordedInAReplacedStream(t *testing.T) {
	t.Parallel()
	r := oneReplica(t)
	r.createClient()
	r.publish(project("Created", 1, `"client_id":1`))
	r.awaitIngested()
	stream, err := r.js.Stream(t.Context(), eventstore.Stream)
	require.NoError(t, err)
	require.NoError(t, r.js.DeleteStream(t.Context(), eventstore.Stream))
	_, err = r.js.CreateStream(t.Context(), stream.CachedInfo().Config)
	require.NoError(t, err)
	r.publish(project("Created", 2, `"client_id":1`))
	eventually(t, "it is noticed", func() bool { return r.directory.Err() != nil })
	require.ErrorIs(t, r.directory.Err(), eventstore.ErrReplaced)
	require.ErrorIs(t, r.ingest.Wait(t.Context()), eventstore.ErrReplaced)
	another := r.replica(0) // reads both, of a client that is not there
	eventually(t, "both are in quarantine", func() bool { return len(another.quarantined()) == 2 })
	for _, record := range another.stored() {
		require.Equal(t, another.name, record.Reference.Replica)
	}
}
