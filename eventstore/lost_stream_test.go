package eventstore_test

import (
	"log/slog"
	"testing"

	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestALostStreamIsNotCreatedAgain(t *testing.T) {
	t.Parallel()
	for what, leave := range map[string]func(t *testing.T, s *eventstore.Store){
		"a snapshot": func(t *testing.T, s *eventstore.Store) {
			bucket, err := s.JetStream().CreateObjectStore(deadline(t), jetstream.ObjectStoreConfig{Bucket: eventstore.SnapshotsBucket})
			require.NoError(t, err)
			_, err = bucket.PutString(deadline(t), "snapshot", "content")
			require.NoError(t, err)
		},
		"the counter of ids": func(t *testing.T, s *eventstore.Store) {
			_, err := s.NextID(deadline(t), 0)
			require.NoError(t, err)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			nc := natstest.Run(t, 1).Connect(t, 0)
			s := openStore(t, nc, 1)
			leave(t, s)
			require.NoError(t, s.JetStream().DeleteStream(deadline(t), eventstore.Stream))
			_, err := eventstore.Open(deadline(t), nc, eventstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
			require.ErrorIs(t, err, eventstore.ErrStreamLost)
			_, err = s.JetStream().Stream(deadline(t), eventstore.Stream)
			require.Error(t, err, "a restore needs its place")

			for _, left := range []string{eventstore.IDStream, eventstore.SnapshotsStream} {
				_ = s.JetStream().DeleteStream(deadline(t), left)
			}
			openStore(t, nc, 1)
		})
	}
}

func TestAnUnusedStreamIsCreatedAgain(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	s := openStore(t, nc, 1)
	require.NoError(t, s.JetStream().DeleteStream(deadline(t), eventstore.Stream))
	openStore(t, nc, 1)
}
