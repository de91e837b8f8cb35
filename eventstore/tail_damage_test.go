package eventstore_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// NATS counts a message that was damaged on its disk as if it were there, and responds that it has none.
func TestTailStopsAtAMessageThatCannotBeRead(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	s := openStore(t, cluster.Connect(t, 0), 1)
	for id := range int64(9) {
		_, err := s.Append(deadline(t), created(id+1), 0)
		require.NoError(t, err)
	}
	path := filepath.Join(cluster.Servers[0].StoreDir(), "$G", "streams", eventstore.Stream, "msgs", "1.blk")
	cluster.Stop(0)
	block, err := os.ReadFile(path)
	require.NoError(t, err)
	message := bytes.Index(block, []byte(`{"id":5,`))
	require.Positive(t, message)
	block[message+10] ^= 1
	require.NoError(t, os.WriteFile(path, block, 0o600))
	cluster.Restart(t, 0)

	s = openStore(t, cluster.Connect(t, 0), 1)
	last, err := s.LastSequence(deadline(t))
	require.NoError(t, err)
	require.Equal(t, uint64(9), last)
	var delivered []eventstore.Record
	err = s.Tail(deadline(t), 0, func(run []eventstore.Record) error { delivered = append(delivered, run...); return nil })
	var corrupt *eventstore.CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, uint64(5), corrupt.Sequence)
	require.Len(t, delivered, 4)
}
