package eventstore

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A draft that was put in its place is finished, whatever else of it a crash has left behind; one that was not is no
// store.
func TestADraftIsFinishedWhenItIsInItsPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		interrupt func(t *testing.T, dir string)
		finished  bool
	}{
		"in its place": {func(t *testing.T, dir string) {
			require.NoError(t, os.MkdirAll(filepath.Join(dir, draftName), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, draftName, lockName), nil, 0o600))
		}, true},
		"its mark alone is": {func(t *testing.T, dir string) {
			require.NoError(t, os.MkdirAll(filepath.Join(dir, draftName), 0o700))
			require.NoError(t, os.Rename(filepath.Join(dir, storeName), filepath.Join(dir, draftName, storeName)))
		}, false},
		"just begun": {func(t *testing.T, dir string) {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, storeName)))
			require.NoError(t, os.MkdirAll(filepath.Join(dir, draftName), 0o700))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			draft, err := BeginDraft(dir, slog.New(slog.DiscardHandler))
			require.NoError(t, err)
			nc, err := draft.Connect()
			require.NoError(t, err)
			openStore(t, nc, 1).Close()
			nc.Close()
			require.NoError(t, draft.Finish())
			require.NoError(t, draft.Discard())
			c.interrupt(t, dir)
			history, read := OpenFiles(t.Context(), dir, func(uint64, uint64) {})
			if read == nil {
				history.Close()
			}
			embedded, err := StartEmbedded(EmbeddedConfig{Dir: dir, Log: slog.New(slog.DiscardHandler)})
			if !c.finished {
				require.ErrorIs(t, err, ErrUnfinished)
				require.ErrorIs(t, read, ErrUnfinished)
				return
			}
			require.NoError(t, err)
			embedded.Shutdown()
			require.NoError(t, read)
			require.NoDirExists(t, filepath.Join(dir, draftName))
		})
	}
}
