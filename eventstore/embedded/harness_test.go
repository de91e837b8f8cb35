package embedded_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/embedded"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func start(t testing.TB, dir string) (*embedded.Server, error) {
	t.Helper()
	s, err := embedded.Start(embedded.Config{Dir: dir, Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		t.Cleanup(s.Shutdown)
	}
	return s, err
}

// service uses a server as the service does.
type service struct {
	*eventstore.Store
	t      testing.TB
	server *embedded.Server
	nc     *nats.Conn
	js     jetstream.JetStream
	id     int64
}

// serve calls use with the store in dir, stops the server, and returns a copy of the store from before the stop, as a kill -9
// leaves it.
func serve(t testing.TB, dir string, use func(*service)) (killed string) {
	t.Helper()
	server, err := start(t, dir)
	require.NoError(t, err)
	return serveStaged(t, dir, server, server.Stage, use)
}

// serveStaged is serve with a function that stages batches.
func serveStaged(t testing.TB, dir string, server *embedded.Server, stage func(string, int) error, use func(*service)) (killed string) {
	t.Helper()
	defer server.Shutdown()
	nc, err := server.Connect()
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	store, err := eventstore.Open(deadline(t), nc, eventstore.Config{
		Replicas: 1, Reached: server.HighWater.Sequence(), Advanced: server.HighWater.Advance, Stage: stage,
		Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	defer store.Close()
	s := &service{Store: store, t: t, server: server, nc: nc, js: js}
	s.id = int64(s.last())
	use(s)
	server.HighWater.Advance(s.last())
	killed = copied(t, dir)
	require.Eventually(t, func() bool { return !removing(t, dir) }, 10*time.Second, time.Millisecond)
	return killed
}

// create stores n events.
func (s *service) create(n int) {
	s.t.Helper()
	for range n {
		s.id++
		_, err := s.Append(deadline(s.t), domain.Envelope{
			EventID: uuid.NewString(), Account: "test", Version: 1, Time: time.Now(),
			Event: domain.ClientCreated{ID: s.id, Name: "SuprCorp", Currency: "Euro - EUR"},
		}, 0)
		require.NoError(s.t, err)
	}
}

// large stores messages in the stream of events. A block has room for about 80.
func (s *service) large(n int) {
	s.t.Helper()
	for range n {
		_, err := s.js.PublishMsg(deadline(s.t), &nats.Msg{Subject: "client-references.x.1", Header: nats.Header{"kind": {"large"}}, Data: make([]byte, 100_000)})
		require.NoError(s.t, err)
	}
}

func (s *service) last() uint64 {
	s.t.Helper()
	return s.state(eventstore.Stream).LastSeq
}

func (s *service) state(stream string) jetstream.StreamState {
	s.t.Helper()
	info, err := s.js.Stream(deadline(s.t), stream)
	require.NoError(s.t, err)
	return info.CachedInfo().State
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// removing reports whether the server still removes files in the background.
func removing(t testing.TB, dir string) bool {
	t.Helper()
	purged, err := filepath.Glob(filepath.Join(streamDir(dir, "*"), "__msgs__"))
	require.NoError(t, err)
	deleted, err := filepath.Glob(streamDir(dir, ".*"))
	require.NoError(t, err)
	return len(purged)+len(deleted) > 0
}

// copied returns a copy of dir, without the files that a server removes meanwhile.
func copied(t testing.TB, dir string) string {
	t.Helper()
	other := t.TempDir()
	for path, content := range files(t, dir) {
		name, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(other, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(other, name), []byte(content), 0o600))
	}
	return other
}

// files returns the contents of all files in a folder.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			var content []byte
			content, err = os.ReadFile(path)
			all[path] = string(content)
		}
		if errors.Is(err, fs.ErrNotExist) {
			delete(all, path)
			return nil
		}
		return err
	}))
	return all
}

func streamDir(dir, stream string) string {
	return filepath.Join(dir, "nats", "jetstream", "$G", "streams", stream)
}

// edit replaces the content of a file.
func edit(t testing.TB, file string, change func(content []byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, change(content), 0o600))
}

// opened returns the error of starting a server with a store and opening its streams.
func opened(t testing.TB, dir string) error {
	t.Helper()
	server, err := start(t, dir)
	if err != nil {
		return err
	}
	nc, err := server.Connect()
	require.NoError(t, err)
	defer nc.Close()
	store, err := eventstore.Open(deadline(t), nc, eventstore.Config{
		Replicas: 1, Reached: server.HighWater.Sequence(), Log: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		store.Close()
	}
	return err
}
