package audit_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/natstest"
	"clients/eventstore/snapshotstore"
	"clients/projections/audit"
	"clients/projections/readmodel"
	"clients/projections/snapshot"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// A full replay and a start from a snapshot of any moment lead to what a replica has that was there all the time. An audit
// accepts the gaps, does not compare the snapshot in front of the erasure, and still reports a message that is missing.
func TestAnAuditAcceptsExactlyWhatWasRemoved(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	nc := natstest.Run(t, 1).Connect(t, 0)
	store, err := eventstore.Open(soon(t), nc, eventstore.Config{Replicas: 1, Log: log})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	event := func(version uint64, e domain.Event) domain.Envelope {
		return domain.Envelope{EventID: uuid.NewString(), Account: "test", Version: version, Time: time.Now(), Event: e}
	}
	ids := make([]int64, 3)
	for i := range ids {
		ids[i], err = store.NextID(soon(t), 0)
		require.NoError(t, err)
		_, err = store.Append(soon(t), event(1, domain.ClientCreated{ID: ids[i], Name: "SuprCorp", Currency: "Euro - EUR"}), 0)
		require.NoError(t, err)
	}
	live := following(t, store, readmodel.NewModel())
	bucket := bucketOf(t, nc)
	snapshots := snapshot.NewSnapshotter(live, bucket, snapshotstore.Snapshot{}, log)
	snapshots.Save(soon(t))
	early := newest(t, bucket) // with the client
	_, err = store.Append(soon(t), event(2, domain.ClientDeleted{ID: ids[0]}), 1)
	require.NoError(t, err)

	js, err := jetstream.New(nc)
	require.NoError(t, err)
	stream, err := js.Stream(soon(t), eventstore.Stream)
	require.NoError(t, err)
	removal := eventstore.Removal{Reason: eventstore.ReasonErasure, Account: "test", ClientID: ids[0], Messages: []eventstore.RemovedMessage{
		{Sequence: 1, StoredAt: storedAt(t, stream, 1), Type: "clients.v1.ClientCreated"},
		{Sequence: 4, StoredAt: storedAt(t, stream, 4), Type: "clients.v1.ClientDeleted"},
	}}
	require.NoError(t, eventstore.AppendErasure(soon(t), nc, event(3, domain.ClientErased{ID: ids[0], Erased: []uint64{1, 4}}), 4, removal))
	for _, gone := range []uint64{4, 1} {
		require.NoError(t, stream.SecureDeleteMsg(soon(t), gone))
	}
	require.NoError(t, live.Refresh(soon(t)))
	want := snapshot.Digest(live.View())
	require.Equal(t, want, snapshot.Digest(following(t, store, readmodel.NewModel()).View()))
	require.Equal(t, want, snapshot.Digest(following(t, store, early).View()))
	snapshots.Save(soon(t))
	require.Equal(t, want, snapshot.Digest(newest(t, bucket).View()))

	findings, faults := findingsOf(t, opened(t, nc, 2))
	require.Empty(t, faults)
	require.Equal(t, uint64(2), findings.Erased)
	require.Equal(t, []eventstore.Removal{removal}, findings.Unfinished)
	require.Equal(t, 1, findings.Snapshots, "the one behind the erasure")

	removal.Done = true
	require.NoError(t, eventstore.AppendRemoval(soon(t), nc, removal))
	require.NoError(t, stream.SecureDeleteMsg(soon(t), 2))
	findings, faults = findingsOf(t, opened(t, nc, 2))
	require.Empty(t, findings.Unfinished)
	require.Equal(t, audit.FaultMissing, faults[0].Kind)
	require.Equal(t, []uint64{2, 2}, []uint64{faults[0].First, faults[0].Last})
	for _, f := range faults[1:] {
		require.Equal(t, audit.FaultSnapshot, f.Kind)
	}
}

// following returns a directory that continues from a model and has the whole stream.
func following(t testing.TB, store *eventstore.Store, m *readmodel.Model) *readmodel.Directory {
	t.Helper()
	d := readmodel.NewDirectory(store, slog.New(slog.DiscardHandler))
	d.Restore(m)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = d.Follow(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	require.NoError(t, d.Refresh(soon(t)))
	return d
}

// newest returns the model in the newest snapshot.
func newest(t testing.TB, bucket *snapshotstore.Bucket) *readmodel.Model {
	t.Helper()
	all, err := bucket.List(soon(t))
	require.NoError(t, err)
	m, err := snapshot.Read(soon(t), bucket, all[0])
	require.NoError(t, err)
	return m
}

func findingsOf(t testing.TB, a *audit.Audit) (findings audit.Findings, faults []audit.Fault) {
	t.Helper()
	a.Fault = func(f audit.Fault) { faults = append(faults, f) }
	a.Foreign, a.Reached = func(eventstore.Record) {}, func(uint64) {}
	findings, err := a.Run(soon(t))
	require.NoError(t, err)
	return findings, faults
}

func storedAt(t testing.TB, stream jetstream.Stream, sequence uint64) time.Time {
	t.Helper()
	m, err := stream.GetMsg(soon(t), sequence)
	require.NoError(t, err)
	return m.Time
}
