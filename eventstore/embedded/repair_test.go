package embedded_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"clients/eventstore/deadletter"
	"clients/eventstore/upstream"

	"github.com/stretchr/testify/require"
)

// A message that was deleted and not overwritten any more, because the server was killed, is overwritten by the next start.
func TestAStartOverwritesWhatWasDeleted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	block := filepath.Join(streamDir(dir, deadletter.Stream), "msgs", "1.blk")
	serve(t, dir, func(s *service) {
		letters := deadletter.New(s.nc)
		require.NoError(t, letters.Ensure(deadline(t), 1, nil))
		for _, text := range []string{"", "deleted", "kept"} {
			_, err := letters.Put(deadline(t), upstream.Message{Stream: "PROJECTS", Sequence: uint64(len(text)), Data: []byte(text)}, "unreadable", "")
			require.NoError(t, err)
		}
		stream, err := s.js.Stream(deadline(t), deadletter.Stream)
		require.NoError(t, err)
		require.NoError(t, stream.DeleteMsg(deadline(t), 2))
		require.NoError(t, letters.Drop(deadline(t), 1))
	})
	content, err := os.ReadFile(block)
	require.NoError(t, err)
	require.Contains(t, string(content), "deleted")
	require.Equal(t, 2, bytes.Count(content, []byte("Quarantine-Reason")), "the one that was dropped is overwritten")
	require.NoError(t, os.WriteFile(block+".tmp", content, 0o600))
	serve(t, dir, func(s *service) { require.EqualValues(t, 1, s.state(deadletter.Stream).Msgs) })
	content, err = os.ReadFile(block)
	require.NoError(t, err)
	require.NotContains(t, string(content), "deleted")
	require.Contains(t, string(content), "kept")
	require.NoFileExists(t, block+".tmp")
}
