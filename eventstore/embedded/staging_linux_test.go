package embedded_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/embedded"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// together stores n events at once, so that most of them share a batch.
func (s *service) together(n int) {
	s.t.Helper()
	var group sync.WaitGroup
	results := make(chan error, n)
	for range n {
		s.id++
		id := s.id
		group.Go(func() {
			_, err := s.Append(deadline(s.t), domain.Envelope{
				EventID: uuid.NewString(), Account: "test", Version: 1, Time: time.Now(),
				Event: domain.ClientCreated{ID: id, Name: "SuprCorp", Currency: "Euro - EUR"},
			}, 0)
			results <- err
		})
	}
	group.Wait()
	for range n {
		require.NoError(s.t, <-results)
	}
}

// messages returns the messages of the stream of events, in order.
func (s *service) messages() (all []*jetstream.RawStreamMsg) {
	s.t.Helper()
	stream, err := s.js.Stream(deadline(s.t), eventstore.Stream)
	require.NoError(s.t, err)
	for sequence := range stream.CachedInfo().State.LastSeq {
		msg, err := stream.GetMsg(deadline(s.t), sequence+1)
		require.NoError(s.t, err)
		all = append(all, msg)
	}
	return all
}

// A power cut leaves a part of the batch that was being stored: the store starts with its first events, and goes on.
func TestAPowerCutInABatchLeavesItsFirstEvents(t *testing.T) {
	memory, err := os.MkdirTemp("/dev/shm", "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(memory)) })
	dir := t.TempDir()
	server := startStaging(t, dir, memory)
	folders, err := filepath.Glob(filepath.Join(memory, "*"))
	require.NoError(t, err)
	require.Len(t, folders, 1)
	server.Shutdown()
	require.NoDirExists(t, folders[0])
	left := filepath.Join(folders[0], "of a process that was killed")
	require.NoError(t, os.MkdirAll(left, 0o700))
	server = startStaging(t, dir, memory)
	require.NoDirExists(t, left)
	block := func(dir string) string { return filepath.Join(streamDir(dir, eventstore.Stream), "msgs", "1.blk") }
	size := func() int64 {
		info, err := os.Stat(block(dir))
		require.NoError(t, err)
		return info.Size()
	}
	var last string        // the id of the last batch
	var staged int         // its size in bytes
	var begins, ends int64 // where it is in the block
	stage := func(id string, length int) error {
		last, staged, begins = id, length, size()
		err := server.Stage(id, length)
		return err
	}
	var all []*jetstream.RawStreamMsg
	killed := serveStaged(t, dir, server, stage, func(s *service) {
		for n := 0; n < 3 || staged < 5000; n++ { // more than three events
			s.together(30)
		}
		all, ends = s.messages(), size()
		staged, err := filepath.Glob(filepath.Join(memory, "*", "*", "msgs"))
		require.NoError(t, err)
		require.NotEmpty(t, staged, "the server did not use the folder")
	})
	first := 0
	for all[first].Header.Get("Nats-Batch-Id") != last {
		first++
	}
	events := int64(len(all) - first)
	require.Greater(t, events, int64(3))
	record := (ends - begins) / events
	for name, test := range map[string]struct {
		cut    int64
		stored int
	}{
		"nothing":                   {begins, first},
		"a part of the first event": {begins + record/2, first},
		"two events":                {begins + 5*record/2, first + 2},
		"all but a byte":            {ends - 1, len(all) - 1},
		"all":                       {ends, len(all)},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copied(t, killed)
			require.NoError(t, os.Truncate(block(dir), test.cut))
			require.NoError(t, os.Remove(filepath.Join(dir, "high-water"))) // it goes on when the whole batch is synced
			batches := filepath.Join(streamDir(dir, eventstore.Stream), "batches")
			require.NoError(t, os.MkdirAll(batches, 0o700))
			require.NoError(t, os.Symlink(filepath.Join(dir, "in memory no more"), filepath.Join(batches, "12345678")))
			serve(t, dir, func(s *service) {
				stored := s.messages()
				require.Len(t, stored, test.stored)
				for i, msg := range stored {
					require.Equal(t, all[i].Subject, msg.Subject)
					require.Equal(t, all[i].Header, msg.Header)
				}
				s.id = 1000
				s.together(20)
				require.NoFileExists(t, filepath.Join(batches, "12345678"))
			})
			require.NoError(t, opened(t, dir))
		})
	}
}

// Batches are staged on disk where there is no memory for them.
func TestBatchesAreStoredWithoutMemory(t *testing.T) {
	dir := t.TempDir()
	server := startStaging(t, dir, t.TempDir())
	require.Error(t, server.Stage("a", 1), "the folder is not in memory")
	serveStaged(t, dir, server, server.Stage, func(s *service) { s.together(30) })
}

// startStaging starts a server that stages batches in a folder.
func startStaging(t *testing.T, dir, memory string) *embedded.Server {
	t.Helper()
	server, err := embedded.Start(embedded.Config{Dir: dir, Memory: memory, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return server
}
