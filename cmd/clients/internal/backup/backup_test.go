package backup_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"clients/cmd/clients/internal/backup"
	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/idempotency"
	"clients/eventstore/natstest"
	"clients/eventstore/snapshotstore"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	natstest.Main()
	os.Exit(m.Run())
}

// connect connects to a new server, and creates the streams of a service there if requested.
func connect(t *testing.T, streams bool) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect(natstest.Run(t, 1).URL())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	if streams {
		store, err := eventstore.Open(t.Context(), nc, eventstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		t.Cleanup(store.Close)
		snapshots := snapshotstore.New(nc, snapshotstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, snapshots.Ensure(t.Context()))
		_, err = idempotency.Open(t.Context(), nc, idempotency.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		deadLetters := deadletter.New(nc)
		require.NoError(t, deadLetters.Ensure(t.Context(), 1, slog.New(slog.DiscardHandler)))
	}
	return nc, js
}

// A backup can be restored although ids are taken constantly while it is made. Ids go on behind those that are in use.
func TestABackupWhileIDsAreTakenCanBeRestored(t *testing.T) {
	t.Parallel()
	from, fromJS := connect(t, true)
	to, toJS := connect(t, false)
	ctx, stop := context.WithCancel(t.Context())
	var counting sync.WaitGroup
	defer counting.Wait()
	defer stop()
	for range 3 {
		counting.Go(func() {
			for ctx.Err() == nil {
				_, _ = fromJS.PublishMsg(ctx, &nats.Msg{Subject: "client-ids", Header: nats.Header{"Nats-Incr": {"+100"}}})
			}
		})
	}
	for i := range 10 {
		folder := filepath.Join(t.TempDir(), fmt.Sprint(i))
		require.NoError(t, backup.Create(t.Context(), from, folder, backup.Options{Out: io.Discard, Err: io.Discard}))
		made, err := backup.Open(folder)
		require.NoError(t, err)
		require.NoError(t, made.ToServers(t.Context(), to, backup.Target{Replicas: 1, Out: io.Discard, Err: io.Discard}))
		store, err := eventstore.Open(t.Context(), to, eventstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		id, err := store.NextID(t.Context(), 7)
		require.NoError(t, err)
		require.Greater(t, id, int64(7))
		store.Close()
		for name := range toJS.StreamNames(t.Context()).Name() {
			require.NoError(t, toJS.DeleteStream(t.Context(), name))
		}
	}
}

// A backup during which messages are removed fails, and can be made again.
func TestABackupFitsWhatWasErasedMeanwhile(t *testing.T) {
	t.Parallel()
	from, fromJS := connect(t, true)
	to, _ := connect(t, false)
	for range 30 { // more than is sent ahead of what has arrived
		random := make([]byte, 500_000)
		_, _ = rand.Read(random)
		require.NoError(t, from.Publish("clients.acme.1", random))
	}
	stream, err := fromJS.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	var once sync.Once
	_, err = from.Subscribe("$JS.SNAPSHOT.ACK.CLIENTS.>", func(*nats.Msg) { // the first part was copied
		once.Do(func() { assert.NoError(t, stream.SecureDeleteMsg(t.Context(), 29)) })
	})
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "backup")
	err = backup.Create(t.Context(), from, folder, backup.Options{Out: io.Discard, Err: io.Discard})
	require.ErrorIs(t, err, backup.ErrRemoved)
	require.NoDirExists(t, folder)
	require.NoError(t, backup.Create(t.Context(), from, folder, backup.Options{Out: io.Discard, Err: io.Discard}))
	made, err := backup.Open(folder)
	require.NoError(t, err)
	require.NoError(t, made.ToServers(t.Context(), to, backup.Target{Replicas: 1, Out: io.Discard, Err: io.Discard}))
}
