package audit_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/history"
	"clients/eventstore/natstest"
	"clients/eventstore/snapshotstore"
	"clients/projections/audit"
	"clients/projections/readmodel"
	"clients/projections/snapshot"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// opened returns an audit of a store with snapshots.
func opened(t testing.TB, nc *nats.Conn, snapshots int) *audit.Audit {
	t.Helper()
	bucket := bucketOf(t, nc)
	all, err := bucket.List(soon(t))
	require.NoError(t, err)
	require.Len(t, all, snapshots)
	history, err := history.Open(soon(t), nc)
	require.NoError(t, err)
	return &audit.Audit{History: history, Bucket: bucket, Snapshots: all}
}

func bucketOf(t testing.TB, nc *nats.Conn) *snapshotstore.Bucket {
	t.Helper()
	bucket := snapshotstore.New(nc, snapshotstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
	return bucket
}

// audited returns the faults of snapshots that an audit finds, and its error.
func audited(t testing.TB, a *audit.Audit, limit time.Duration) (faults []audit.Fault, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	a.Fault = func(f audit.Fault) {
		if f.Kind == audit.FaultSnapshot {
			faults = append(faults, f)
		}
	}
	a.Foreign, a.Reached = func(eventstore.Record) {}, func(uint64) {}
	_, err = a.Run(ctx)
	return faults, err
}

// saved returns a function that saves a snapshot of a stream with one client.
func saved(t testing.TB, nc *nats.Conn) func() {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	store, err := eventstore.Open(soon(t), nc, eventstore.Config{Replicas: 1, Log: log})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	d := readmodel.NewDirectory(store, log)
	following, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = d.Follow(following) }()
	t.Cleanup(func() { cancel(); <-ended })
	_, err = store.Append(soon(t), domain.Envelope{
		EventID: "1", Account: "a", Version: 1, Time: time.Now(), Event: domain.ClientCreated{ID: 1, Name: "SuprCorp", Currency: "Euro - EUR"},
	}, 0)
	require.NoError(t, err)
	require.NoError(t, d.Refresh(soon(t)))
	return func() {
		snapshot.NewSnapshotter(d, bucketOf(t, nc), snapshotstore.Snapshot{}, log).Save(soon(t))
	}
}

// The service runs while it is verified, so a snapshot that was removed, or a server that does not respond, is no fault of the
// store.
func TestASnapshotThatCannotBeRequestedIsNoFault(t *testing.T) {
	t.Parallel()
	network := natstest.NewNetwork(t)
	cluster := natstest.Run(t, 1)
	service := cluster.Connect(t, 0)
	js, err := jetstream.New(service)
	require.NoError(t, err)
	save := saved(t, service)
	save()
	nc, err := nats.Connect(network.URL("auditor", cluster))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	a := opened(t, nc, 1)
	network.Hold("auditor")
	faults, err := audited(t, a, 500*time.Millisecond)
	require.Error(t, err)
	require.Empty(t, faults)
	network.Heal()

	stream, err := js.Stream(soon(t), "OBJ_"+eventstore.SnapshotsBucket)
	require.NoError(t, err)
	for what, forget := range map[string]func(){
		"forgotten":              func() { require.NoError(t, stream.Purge(soon(t))) },
		"deleted as an object":   func() { deleteObjects(t, js) },
		"gone with their bucket": func() { require.NoError(t, js.DeleteObjectStore(soon(t), eventstore.SnapshotsBucket)) },
	} {
		save()
		a := opened(t, nc, 1)
		forget()
		faults, err := audited(t, a, 30*time.Second)
		require.NoError(t, err, what)
		require.Empty(t, faults, what)
		opened(t, nc, 0)
		stream, err = js.CreateOrUpdateStream(soon(t), stream.CachedInfo().Config)
		require.NoError(t, err)
	}
}

func deleteObjects(t testing.TB, js jetstream.JetStream) {
	t.Helper()
	bucket, err := js.ObjectStore(soon(t), eventstore.SnapshotsBucket)
	require.NoError(t, err)
	objects, err := bucket.List(soon(t))
	require.NoError(t, err)
	for _, object := range objects {
		require.NoError(t, bucket.Delete(soon(t), object.Name))
	}
}
