package projections

import (
	"context"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// audited is what an audit of a history says is wrong with snapshots, and the error that it ended with.
func audited(t testing.TB, h *eventstore.History, limit time.Duration) (faults []Fault, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	_, err = (&Audit{
		History: h, Fault: func(f Fault) {
			if f.Kind == FaultSnapshot {
				faults = append(faults, f)
			}
		},
		Stray: func(eventstore.Record) {}, Notice: func(string) {}, Stage: func(Unit, uint64) func(uint64) { return func(uint64) {} },
	}).Run(ctx)
	return faults, err
}

// The service goes on while it is verified: that a snapshot was forgotten, or that nobody answers for the moment, is no
// fault of what is stored.
func TestAnAuditTakesNoSnapshotForDamagedThatItCannotRead(t *testing.T) {
	t.Parallel()
	network := natstest.NewNetwork(t)
	cluster := natstest.Run(t, 1)
	s := newShelf(t, cluster.Connect(t, 0), 1)
	s.create(1)
	s.save()
	nc, err := nats.Connect(network.URL("auditor", cluster))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	open := func() *eventstore.History {
		h, err := eventstore.OpenHistory(soon(t), nc)
		require.NoError(t, err)
		require.Len(t, h.Snapshots, 1)
		return h
	}
	h := open()
	network.Hold("auditor")
	faults, err := audited(t, h, 500*time.Millisecond)
	require.Error(t, err)
	require.Empty(t, faults)
	network.Heal()

	stream, err := s.js.Stream(soon(t), "OBJ_"+eventstore.SnapshotsBucket)
	require.NoError(t, err)
	for what, forget := range map[string]func(){
		"forgotten":              func() { require.NoError(t, stream.Purge(soon(t))) },
		"deleted as an object":   func() { s.deleteObjects() },
		"gone with their bucket": func() { require.NoError(t, s.js.DeleteObjectStore(soon(t), eventstore.SnapshotsBucket)) },
	} {
		s.save()
		h := open()
		forget()
		faults, err := audited(t, h, 30*time.Second)
		require.NoError(t, err, what)
		require.Empty(t, faults, what)
		h, err = eventstore.OpenHistory(soon(t), nc)
		require.NoError(t, err)
		require.Empty(t, h.Snapshots, what)
		require.Empty(t, h.Strangers, what)
		stream, err = s.js.CreateOrUpdateStream(soon(t), stream.CachedInfo().Config)
		require.NoError(t, err)
	}
}

func (s *shelf) deleteObjects() {
	s.t.Helper()
	bucket, err := s.js.ObjectStore(soon(s.t), eventstore.SnapshotsBucket)
	require.NoError(s.t, err)
	objects, err := bucket.List(soon(s.t))
	require.NoError(s.t, err)
	for _, object := range objects {
		require.NoError(s.t, bucket.Delete(soon(s.t), object.Name))
	}
}
