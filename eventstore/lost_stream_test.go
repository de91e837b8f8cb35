package eventstore

import (
	"log/slog"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestAStreamThatIsGoneIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	for what, leave := range map[string]func(t *testing.T, s *Store){
		"a snapshot": func(t *testing.T, s *Store) {
			bucket, err := s.js.CreateObjectStore(deadline(t), jetstream.ObjectStoreConfig{Bucket: SnapshotsBucket})
			require.NoError(t, err)
			_, err = bucket.PutString(deadline(t), "snapshot", "content")
			require.NoError(t, err)
		},
		"the counter of ids": func(t *testing.T, s *Store) {
			_, err := s.NextID(deadline(t), 0)
			require.NoError(t, err)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			nc := natstest.Run(t, 1).Connect(t, 0)
			s := openStore(t, nc, 1)
			leave(t, s)
			require.NoError(t, s.js.DeleteStream(deadline(t), Stream))
			_, err := Open(deadline(t), nc, Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
			require.ErrorIs(t, err, ErrStreamLost)
			_, err = s.js.Stream(deadline(t), Stream)
			require.Error(t, err, "a restore needs its place")

			for _, left := range []string{IDStream, "OBJ_" + SnapshotsBucket} {
				_ = s.js.DeleteStream(deadline(t), left)
			}
			openStore(t, nc, 1)
		})
	}
}

func TestAStreamOfWhichNothingWasUsedIsMadeAgain(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	s := openStore(t, nc, 1)
	require.NoError(t, s.js.DeleteStream(deadline(t), Stream))
	openStore(t, nc, 1)
}
