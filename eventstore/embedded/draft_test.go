package embedded_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"clients/eventstore"
	"clients/eventstore/embedded"

	"github.com/stretchr/testify/require"
)

// After a crash, the leftovers of a draft that was moved into place are removed. With any other draft a start is refused.
func TestDraftIsFinishedIfItIsInPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		interrupt func(t *testing.T, dir, draft string)
		finished  bool
	}{
		"in its place": {func(t *testing.T, _, draft string) {
			require.NoError(t, os.MkdirAll(draft, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(draft, "lock"), nil, 0o600))
		}, true},
		"without the store": {func(t *testing.T, dir, draft string) {
			require.NoError(t, os.MkdirAll(draft, 0o700))
			require.NoError(t, os.Rename(filepath.Join(dir, "nats"), filepath.Join(draft, "nats")))
		}, false},
		"just begun": {func(t *testing.T, dir, draft string) {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "nats")))
			require.NoError(t, os.MkdirAll(draft, 0o700))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			finishDraft(t, dir)
			c.interrupt(t, dir, filepath.Join(dir, "restoring"))
			copied, read := embedded.StartCopy(dir)
			if read == nil {
				require.NoError(t, copied.Close())
			}
			_, err := start(t, dir)
			if !c.finished {
				require.ErrorIs(t, err, embedded.ErrUnfinished)
				require.ErrorIs(t, read, embedded.ErrUnfinished)
				return
			}
			require.NoError(t, err)
			require.NoError(t, read)
			require.NoDirExists(t, filepath.Join(dir, "restoring"))
		})
	}
}

func finishDraft(t *testing.T, dir string) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	draft, err := embedded.BeginDraft(dir, log)
	require.NoError(t, err)
	_, err = embedded.BeginDraft(dir, log)
	require.ErrorIs(t, err, embedded.ErrLocked)
	nc, err := draft.Connect()
	require.NoError(t, err)
	defer nc.Close()
	store, err := eventstore.Open(deadline(t), nc, eventstore.Config{Replicas: 1, Log: log})
	require.NoError(t, err)
	store.Close()
	require.NoError(t, draft.Finish())
	require.NoError(t, draft.Discard())
	_, err = embedded.BeginDraft(dir, log)
	require.ErrorIs(t, err, embedded.ErrStoreThere)
}
