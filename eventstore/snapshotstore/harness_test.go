package snapshotstore_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/snapshotstore"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

const chunkSize = 128 << 10

var storedAt = time.Date(2026, 11, 28, 9, 0, 0, 123, time.UTC)

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// shelf is a bucket, and the JetStream that it is in.
type shelf struct {
	*snapshotstore.Bucket
	t  testing.TB
	js jetstream.JetStream
}

func newShelf(t testing.TB, nc *nats.Conn, replicas int) *shelf {
	t.Helper()
	b := snapshotstore.New(nc, snapshotstore.Config{Replicas: replicas, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, b.Ensure(deadline(t)))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return &shelf{b, t, js}
}

func mark(sequence uint64) eventstore.Checkpoint {
	return eventstore.Checkpoint{Sequence: sequence, StoredAt: storedAt}
}

func text(content string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}
}

// saveWith saves what write writes.
func (s *shelf) saveWith(ctx context.Context, c eventstore.Checkpoint, write func(io.Writer) error) error {
	_, err := s.Save(ctx, func(_ context.Context, w io.Writer) (eventstore.Checkpoint, error) { return c, write(w) })
	return err
}

func (s *shelf) save(sequence uint64, content string) {
	s.t.Helper()
	require.NoError(s.t, s.saveWith(deadline(s.t), mark(sequence), text(content)))
}

func (s *shelf) list() []snapshotstore.Snapshot {
	s.t.Helper()
	all, err := s.List(deadline(s.t))
	require.NoError(s.t, err)
	return all
}

func (s *shelf) sequences() (all []uint64) {
	s.t.Helper()
	for _, snapshot := range s.list() {
		all = append(all, snapshot.Sequence)
	}
	return all
}

func (s *shelf) read(snapshot snapshotstore.Snapshot) (string, error) {
	s.t.Helper()
	var content bytes.Buffer
	err := s.Read(deadline(s.t), snapshot, func(r io.Reader) error {
		_, err := io.Copy(&content, r)
		return err
	})
	return content.String(), err
}

func (s *shelf) stream() jetstream.Stream {
	s.t.Helper()
	stream, err := s.js.Stream(deadline(s.t), snapshotstore.Stream)
	require.NoError(s.t, err)
	return stream
}

// chunks returns the number of chunks by subject.
func (s *shelf) chunks() map[string]uint64 {
	s.t.Helper()
	info, err := s.stream().Info(deadline(s.t), jetstream.WithSubjectFilter("$O.CLIENTS_SNAPSHOTS.C.*"))
	require.NoError(s.t, err)
	return info.State.Subjects
}
