package embedded

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"clients/eventstore/blockfile"

	"github.com/stretchr/testify/require"
)

// openMark opens the mark of a store whose last sequence is 4.
func openMark(t *testing.T, path string) (*HighWater, error) {
	t.Helper()
	mark, err := openHighWater(path, 4)
	if err == nil {
		t.Cleanup(func() { _ = mark.close() })
	}
	return mark, err
}

func TestAHighWaterMarkOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mark")
	mark, err := openMark(t, path)
	require.NoError(t, err)
	require.Equal(t, uint64(4), mark.Sequence(), "a new one")
	mark.Advance(17)
	mark.Advance(5)
	again, err := openMark(t, path) // the first one was not closed, as after a crash
	require.NoError(t, err)
	require.Equal(t, uint64(17), again.Sequence())
}

func TestADamagedHighWaterMarkIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mark")
	whole := formatMark(17)
	damaged := [][]byte{nil, make([]byte, len(whole)), []byte("clients"), whole[:len(whole)-2]}
	for i := range whole {
		content := bytes.Clone(whole)
		content[i] ^= 1
		damaged = append(damaged, content)
	}
	for _, content := range damaged {
		require.NoError(t, os.WriteFile(path, content, 0o600))
		mark, err := openMark(t, path)
		if err == nil {
			require.Equal(t, uint64(17), mark.Sequence(), "%q", content) // white space may change
			continue
		}
		require.ErrorAs(t, err, new(*blockfile.DamagedError))
	}
}
