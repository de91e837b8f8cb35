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

// A draft that was finished is a store that starts. With any other a start is refused.
func TestADraftIsUsedOnceItIsFinished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	finishDraft(t, dir)
	copied, err := embedded.StartCopy(dir)
	require.NoError(t, err)
	require.NoError(t, copied.Close())
	server, err := start(t, dir)
	require.NoError(t, err)
	server.Shutdown()

	require.NoError(t, os.Rename(filepath.Join(dir, "nats"), filepath.Join(dir, "restoring")))
	_, err = embedded.StartCopy(dir)
	require.ErrorIs(t, err, embedded.ErrUnfinished)
	_, err = start(t, dir)
	require.ErrorIs(t, err, embedded.ErrUnfinished)
	finishDraft(t, dir)
	_, err = start(t, dir)
	require.NoError(t, err)
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
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "restoring", "jetstream", "$G", "streams", ".DELETED", "msgs"), 0o700))
	require.NoError(t, draft.Finish())
	require.NoDirExists(t, streamDir(dir, ".DELETED"))
	require.NoError(t, draft.Discard())
	_, err = embedded.BeginDraft(dir, log)
	require.ErrorIs(t, err, embedded.ErrStoreThere)
}
