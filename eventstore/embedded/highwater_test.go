package embedded

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"clients/eventstore/blockfile"

	"github.com/stretchr/testify/require"
)

// openMark opens the mark of a store whose last sequence is 4.
func openMark(t *testing.T, path string) (*HighWater, error) {
	t.Helper()
	mark, err := openHighWater(path, 4, slog.New(slog.DiscardHandler))
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
	for i := range formatMark(17) {
		content := formatMark(17)
		content[i] ^= 1
		require.NoError(t, os.WriteFile(path, content, 0o600))
		mark, err := openMark(t, path)
		if err == nil {
			require.Equal(t, uint64(17), mark.Sequence(), "byte %d", i) // white space may change
			continue
		}
		var damaged *blockfile.DamagedError
		require.ErrorAs(t, err, &damaged)
	}
}

// An empty mark, as earlier releases may have left it, is created again. Any other that is too short is damaged.
func TestAnEmptyHighWaterMarkIsCreatedAgain(t *testing.T) {
	t.Parallel()
	whole := formatMark(17)
	for content, again := range map[string]bool{"": true, string(make([]byte, len(whole))): true, "clients": false, string(whole[:len(whole)-2]): false} {
		path := filepath.Join(t.TempDir(), "mark")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		mark, err := openMark(t, path)
		if !again {
			require.ErrorAs(t, err, new(*blockfile.DamagedError), content)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, uint64(4), mark.Sequence())
	}
}
