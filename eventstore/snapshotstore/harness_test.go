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

const (
	form      = "form 1\n"
	chunkSize = 128 << 10
)

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

func mark(sequence uint64) snapshotstore.Mark {
	return snapshotstore.Mark{Checkpoint: eventstore.Checkpoint{Sequence: sequence, StoredAt: storedAt}, Form: form}
}

func text(content string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}
}

// saveWith saves what write writes.
func (s *shelf) saveWith(ctx context.Context, m snapshotstore.Mark, write func(io.Writer) error) error {
	_, err := s.Save(ctx, func(context.Context) (snapshotstore.Mark, func(io.Writer) error, error) { return m, write, nil })
	return err
}

func (s *shelf) save(sequence uint64, content string) {
	s.t.Helper()
	require.NoError(s.t, s.saveWith(deadline(s.t), mark(sequence), text(content)))
}

func (s *shelf) list() []snapshotstore.Snapshot {
	s.t.Helper()
	l, err := s.List(deadline(s.t))
	require.NoError(s.t, err)
	return l.Snapshots
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

// A release that writes another form keeps its own snapshots, and objects that are none are left alone.

// What is removed leaves no message behind, whether or not it was completed.

// What the leader does not return as it was written is no snapshot, and the one before stays.

// The tools for object stores read snapshots and delete them.

// A snapshot as the release before stores it, chunk by chunk and with further metadata, is read.

// Snapshots that are saved and read during elections are correct, or an error reports that they are missing.
