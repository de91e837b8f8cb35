package ingest_test

import (
	"log/slog"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/upstream"
	"clients/projections/ingest"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// barrier returns the read barrier of a replica that does not read: a test records positions instead.
func (r *replica) barrier() *ingest.Ingest {
	r.t.Helper()
	barrier, err := ingest.New(ingest.Config{
		Store: r.store, Upstream: r.upstream, DeadLetters: r.quarantine, Directory: r.directory, Replica: r.name, NewEventID: uuid.NewString,
		Registry: r.registry, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(r.t, err)
	return barrier
}

// recordPosition records that PROJECTS was read up to a message that was stored at a time.
func (r *replica) recordPosition(sequence uint64, storedAt time.Time) {
	r.t.Helper()
	state, err := r.upstream.State(r.deadline(), upstream.Projects)
	require.NoError(r.t, err)
	last, err := r.store.AppendBatch(r.deadline(), []eventstore.Entry{{Anew: true, Reference: domain.ReferenceEvent{
		Source: domain.Position{Stream: "PROJECTS", Created: state.Created, Sequence: sequence}, StoredAt: storedAt,
	}}})
	require.NoError(r.t, err)
	require.NoError(r.t, r.directory.Await(r.deadline(), last))
}

// The barrier compares the stored messages itself: the reader may not have noticed yet that the stream was restored.
func TestTheReadBarrierNoticesARestoredStream(t *testing.T) {
	t.Parallel()
	const restore, unread = "was put back to an earlier state", "has not been read to its end"
	for name, c := range map[string]struct {
		sequence uint64
		ago      time.Duration // how much earlier than the message that is there now the one that was read was stored
		gone     bool
		why      string
	}{
		"it is what was read":                      {sequence: 3},
		"another message at its end":               {sequence: 3, ago: time.Hour, why: restore},
		"it ends earlier":                          {sequence: 4, why: restore},
		"it has gone on behind another message":    {sequence: 2, ago: time.Hour, why: unread},
		"its end is gone":                          {sequence: 3, gone: true},
		"its end is gone, and the rest is another": {sequence: 3, ago: time.Hour, gone: true, why: restore},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newSystem(t, 1)
			y.createStreams()
			r := y.reader()
			y.publish(project("Created", 1, `"client_id":1`), project("Created", 2, `"client_id":1`), project("Created", 3, `"client_id":1`))
			stream, err := y.js.Stream(t.Context(), "PROJECTS")
			require.NoError(t, err)
			there, err := stream.GetMsg(t.Context(), min(c.sequence, 3))
			require.NoError(t, err)
			r.recordPosition(c.sequence, there.Time.Add(-c.ago))
			if c.gone {
				require.NoError(t, stream.DeleteMsg(t.Context(), 3))
			}
			ctx := r.deadline()
			if c.why == unread {
				ctx = briefly(t)
			}
			err = r.barrier().Wait(ctx)
			if c.why == "" {
				require.NoError(t, err)
				return
			}
			requireClosed(t, err, "PROJECTS", c.why)
		})
	}
}

// The position that an earlier generation had reached does not count for the present one.
func TestTheReadBarrierWaitsForThePresentGeneration(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.createStreams()
	r := y.reader()
	y.publish(project("Created", 1, `"client_id":1`), project("Created", 2, `"client_id":1`))
	state, err := r.upstream.State(t.Context(), upstream.Projects)
	require.NoError(t, err)
	r.recordPosition(1, state.FirstStored)
	passed := make(chan error, 1)
	barrier := r.barrier()
	go func() { passed <- barrier.Wait(r.deadline()) }()
	record := func(event domain.ReferenceEvent) {
		_, err := r.store.AppendBatch(r.deadline(), []eventstore.Entry{{Reference: event}})
		require.NoError(t, err)
	}
	position := domain.Position{Stream: "PROJECTS", Created: state.Created, Generation: 1}
	record(domain.ReferenceEvent{Source: position, Operation: domain.Rewound})
	position.Sequence = 2
	position.Generation = 0
	record(domain.ReferenceEvent{Source: position, StoredAt: state.LastStored})
	eventually(t, "the next generation has begun", func() bool {
		reached, _ := r.directory.Reached("PROJECTS", state.Created)
		return reached.Generation == 1
	})
	select {
	case err := <-passed:
		require.FailNow(t, "the barrier was passed", "%v", err)
	default:
	}
	position.Generation = 1
	record(domain.ReferenceEvent{Source: position, StoredAt: state.LastStored})
	require.NoError(t, <-passed)
}

// If CLIENTS was replaced, the directory shows another history, and the barrier fails.
func TestTheReadBarrierNoticesThatCLIENTSWasReplaced(t *testing.T) {
	t.Parallel()
	y := newSystem(t, 1)
	y.createStreams()
	r := y.reader()
	r.createClient()
	barrier := r.barrier()
	require.NoError(t, barrier.Wait(t.Context()))
	stream, err := y.js.Stream(t.Context(), eventstore.Stream)
	require.NoError(t, err)
	require.NoError(t, y.js.DeleteStream(t.Context(), eventstore.Stream))
	_, err = y.js.CreateStream(t.Context(), stream.CachedInfo().Config)
	require.NoError(t, err)
	err = barrier.Wait(t.Context())
	require.ErrorIs(t, err, eventstore.ErrReplaced)
	var refusal *domain.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, domain.Unavailable, refusal.Kind)
}
