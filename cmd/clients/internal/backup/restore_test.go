package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clients/cmd/clients/internal/backup"
	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/erasure"
	"clients/eventstore/natstest"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// backupOf makes a backup.
func backupOf(t *testing.T, nc *nats.Conn) *backup.Backup {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, backup.Create(t.Context(), nc, folder, backup.Options{Out: io.Discard, Err: io.Discard}))
	made, err := backup.Open(folder)
	require.NoError(t, err)
	return made
}

// watcher is a writer that calls seen with each line.
type watcher struct{ seen func(line string) }

func (w watcher) Write(b []byte) (int, error) { w.seen(string(b)); return len(b), nil }

// No service starts on CLIENTS before everything is restored: until then it has another subject.
func TestEventsAreHiddenUntilTheRestoreIsComplete(t *testing.T) {
	t.Parallel()
	from, _ := connect(t, true)
	to, js := connect(t, false)
	made := backupOf(t, from)
	subjects := func() []string {
		stream, err := js.Stream(t.Context(), "CLIENTS")
		require.NoError(t, err)
		return stream.CachedInfo().Config.Subjects
	}
	var during [][]string
	out := watcher{func(line string) {
		if len(line) > 8 && line[:8] == "CLIENTS:" {
			during = append(during, subjects())
			err := backup.Create(t.Context(), to, t.TempDir(), backup.Options{Out: io.Discard, Err: io.Discard})
			require.ErrorIs(t, err, eventstore.ErrUnfinishedRestore, "a part of a restore is not backed up")
		}
	}}
	require.NoError(t, made.ToServers(t.Context(), to, backup.Target{Replicas: 1, Out: out, Err: io.Discard}))
	require.Equal(t, [][]string{{"a-restore-that-is-not-finished"}}, during)
	require.Contains(t, subjects(), "clients.>")
}

// Wherever a replacement ends, no service starts on what is left, and it can be run again.
func TestNoServiceStartsAfterAnInterruptedReplacement(t *testing.T) {
	t.Parallel()
	nc, js := connect(t, true)
	open := func() (*eventstore.Store, error) {
		return eventstore.Open(t.Context(), nc, eventstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
	}
	store, err := open()
	require.NoError(t, err)
	id, err := store.NextID(t.Context(), 0)
	require.NoError(t, err)
	_, err = store.Append(t.Context(), domain.Envelope{
		EventID: uuid.NewString(), Account: "acme", Version: 1, Time: time.Now(), Event: domain.ClientCreated{ID: id, Name: "SuprCorp"},
	}, 0)
	require.NoError(t, err)
	store.Close()
	made := backupOf(t, nc)
	replace := func(ctx context.Context, replicas int, seen func(line string)) error {
		return made.ToServers(ctx, nc, backup.Target{Replicas: replicas, Replace: true, Out: watcher{seen}, Err: io.Discard})
	}
	require.ErrorContains(t, replace(t.Context(), 3, func(line string) { require.Fail(t, line) }), "with 3 replicas", "before anything is deleted")
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CLIENTS_RESTORE", Storage: jetstream.MemoryStorage})
	require.NoError(t, err, "of a replacement that was killed, with other replicas")
	for _, step := range []string{
		"CLIENTS: deleted", "KV_CLIENTS_KEYS: deleted", "KV_CLIENTS_KEYS: up to", "CLIENTS: up to", "CLIENTS_IDS: deleted",
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		var started error
		require.ErrorContains(t, replace(ctx, 1, func(line string) {
			if strings.HasPrefix(line, step) {
				_, started = open() // as after kill -9
				interrupt()
			}
		}), "interrupted", step)
		require.Error(t, started, step)
		_, err := open()
		require.Error(t, err, step)
		require.NoError(t, replace(t.Context(), 1, func(string) {}), step)
	}
	store, err = open()
	require.NoError(t, err)
	t.Cleanup(store.Close)
	next, err := store.NextID(t.Context(), 0)
	require.NoError(t, err)
	require.Greater(t, next, id)
	_, err = js.Stream(t.Context(), "CLIENTS_RESTORE")
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
}

// Two restores at once do not both succeed.
func TestARestoreNoticesAnother(t *testing.T) {
	t.Parallel()
	from, _ := connect(t, true)
	to, js := connect(t, false)
	made := backupOf(t, from)
	err := made.ToServers(t.Context(), to, backup.Target{Replicas: 1, Err: io.Discard, Out: watcher{func(line string) {
		if strings.HasPrefix(line, "CLIENTS: up to") {
			require.NoError(t, made.ToServers(t.Context(), to, backup.Target{Replicas: 1, Replace: true, Out: io.Discard, Err: io.Discard}))
		}
	}}})
	require.ErrorContains(t, err, "another restore has replaced the streams")
	stream, err := js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	require.Contains(t, stream.CachedInfo().Config.Subjects, "clients.>", "that of the other one is left")

	err = made.ToServers(t.Context(), to, backup.Target{Replicas: 1, Replace: true, Err: io.Discard, Out: watcher{func(line string) {
		if strings.HasPrefix(line, "late keys: ") {
			require.NoError(t, js.DeleteStream(t.Context(), "KV_CLIENTS_KEYS"), "as another one does that fails then")
		}
	}}})
	require.ErrorContains(t, err, "another restore has deleted the stream KV_CLIENTS_KEYS")
	_, err = js.Stream(t.Context(), "CLIENTS")
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound, "no service starts without the keys")
}

// A restore waits for servers that start: that is when operators restore.
func TestARestoreWaitsForEnoughServers(t *testing.T) {
	t.Parallel()
	from, _ := connect(t, true)
	made := backupOf(t, from)
	cluster := natstest.Run(t, 3)
	to := cluster.Connect(t, 0)
	js, err := jetstream.New(to)
	require.NoError(t, err)
	for i := range 3 {
		cluster.Stop(i)
	}
	cluster.Restart(t, 0)
	cluster.Restart(t, 1)
	require.Eventually(t, func() bool {
		_, err := js.AccountInfo(t.Context())
		return err == nil
	}, 3*time.Minute, 10*time.Millisecond, "two servers have a leader")
	restored := make(chan error, 1)
	go func() {
		restored <- made.ToServers(t.Context(), to, backup.Target{Replicas: 3, Out: io.Discard, Err: io.Discard})
	}()
	select {
	case err := <-restored: // the leader may take the third server for one that is online
		require.NoError(t, err)
		return
	case <-time.After(500 * time.Millisecond):
	}
	cluster.Restart(t, 2)
	require.NoError(t, <-restored)
}

// A restore can be interrupted while it waits for the servers to say whether a stream exists.
func TestARestoreIsInterruptedBeforeItCreatesStreams(t *testing.T) {
	t.Parallel()
	from, _ := connect(t, true)
	made := backupOf(t, from)
	silent, err := nats.Connect(natstest.Run(t, 1, func(o *server.Options) { o.JetStream = false }).URL())
	require.NoError(t, err)
	t.Cleanup(silent.Close)
	ctx, interrupt := context.WithCancel(t.Context())
	_, err = silent.Subscribe("$JS.API.STREAM.INFO.*", func(*nats.Msg) { interrupt() }) // no response
	require.NoError(t, err)
	err = made.ToServers(ctx, silent, backup.Target{Replicas: 1, Out: io.Discard, Err: io.Discard})
	require.ErrorContains(t, err, "interrupted")
}

// The list of erasures is applied on all servers before a service starts. It waits for a server that was away. If it fails, what
// was restored is deleted.
func TestARestoreErases(t *testing.T) {
	t.Parallel()
	from, fromJS := connect(t, true)
	store, err := eventstore.Open(t.Context(), from, eventstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	text := rand.Text() + rand.Text()
	_, err = store.Append(t.Context(), domain.Envelope{
		EventID: uuid.NewString(), Account: "acme", Version: 1, Time: time.Now(), Event: domain.ClientCreated{ID: 1, Name: text},
	}, 0)
	require.NoError(t, err)
	stream, err := fromJS.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	created, err := stream.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	made := backupOf(t, from)

	cluster := natstest.Run(t, 3)
	to := cluster.Connect(t, 0)
	restore := func(createdAt time.Time) (output string, err error) {
		var out bytes.Buffer
		err = made.ToServers(t.Context(), to, backup.Target{
			Replicas: 3, Erasures: []erasure.Erased{{Client: erasure.Client{Account: "acme", ID: 1}, CreatedAt: createdAt}}, Out: &out, Err: io.Discard,
		})
		return out.String(), err
	}
	output, err := restore(created.Time.Add(1))
	require.ErrorContains(t, err, "the list belongs to another store")
	require.Contains(t, output, "CLIENTS: up to sequence 1\n")
	start := func() error {
		s, err := eventstore.Open(t.Context(), to, eventstore.Config{Replicas: 3, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			s.Close()
		}
		return err
	}
	js, err := jetstream.New(to)
	require.NoError(t, err)
	_, err = js.Stream(t.Context(), "CLIENTS")
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)

	holds := func(server int) (found bool) {
		blocks, err := filepath.Glob(filepath.Join(cluster.StoreDir(server), "jetstream", "$G", "streams", "CLIENTS", "msgs", "*.blk"))
		require.NoError(t, err)
		for _, block := range blocks {
			content, err := os.ReadFile(block)
			require.NoError(t, err)
			found = found || bytes.Contains(content, []byte(text))
		}
		return found
	}
	cluster.Stop(2)
	require.Eventually(t, func() bool {
		_, err := js.AccountInfo(t.Context())
		return err == nil
	}, time.Minute, 50*time.Millisecond, "two servers have a leader")
	time.AfterFunc(time.Second, func() { cluster.Restart(t, 2) })
	output, err = restore(created.Time)
	require.NoError(t, err)
	require.Contains(t, output, "erased: all clients of the list\n")
	require.NoError(t, start())
	require.False(t, holds(0) || holds(1) || holds(2))
}
