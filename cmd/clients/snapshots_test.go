package main

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// A service that was told to stop starts from where it was, and knows all that it knew.
func TestAStartGoesOnFromASnapshot(t *testing.T) {
	t.Parallel()
	settings := testSettings(t)
	settings.logLevel = slog.LevelInfo
	a := launchWith(t, settings)
	other := a.tap()
	busy, gone := a.create(whole), a.named("Gone")
	a.want(200, "DELETE", path(gone), "")
	other.say(project("Created", 1, fmt.Sprintf(`"client_id":%d`, busy)), invoice("Created", 1, fmt.Sprintf(`"client_id":%d,"kind":"task"`, busy)))
	a.want(400, "DELETE", path(busy), "")
	before, tag := a.list(""), a.want(200, "GET", "/clients", "").tag()
	last := other.lastSequence()
	a = a.relaunch()
	require.Contains(t, a.logged.String(), fmt.Sprintf(`msg="the snapshot is read" sequence=%d clients=1`, last))
	require.Equal(t, int(last), a.counter("clients_snapshot_sequence"))
	require.Less(t, a.counter("clients_snapshot_age_seconds"), 60)
	require.Equal(t, before, a.list(""))
	require.Equal(t, tag, a.want(200, "GET", "/clients", "").tag())
	a.want(404, "GET", path(gone), "")
	require.Contains(t, a.want(400, "DELETE", path(busy), "").message(t), "1 active project and 1 invoice")
	require.Greater(t, a.named("New"), gone)
	a.tap().say(project("Deleted", 1, ""), invoice("Deleted", 1, ""))
	a.want(200, "DELETE", path(busy), "")
}

// Without a snapshot that can be used the whole stream is read, with a warning.
func TestAStartWithoutAGoodSnapshotReadsEverything(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	settings := externalSettings(t, 1, natsSettings{url: cluster.URL()})
	other := newTap(t, cluster.URL())
	a := launchWith(t, settings)
	a.create(whole)
	before := a.list("")
	a.quit()
	stream, err := other.js.Stream(t.Context(), "OBJ_CLIENTS_SNAPSHOTS")
	require.NoError(t, err)
	info, err := stream.Info(t.Context())
	require.NoError(t, err)
	require.NoError(t, stream.DeleteMsg(t.Context(), info.State.FirstSeq)) // the snapshot's first chunk
	a = launchWith(t, settings)
	require.Contains(t, a.logged.String(), "a snapshot cannot be used and is ignored")
	require.Equal(t, before, a.list(""))
	a.named("Another")
	a.quit()
	require.NoError(t, stream.Purge(t.Context()))
	a = launchWith(t, settings)
	require.Len(t, a.list(""), 2)
}

// A stream that ends before a snapshot has lost answered writes: nothing is begun anew as if they had never been.
func TestAStreamThatEndsBeforeItsSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	settings := externalSettings(t, 1, natsSettings{url: cluster.URL()})
	a := launchWith(t, settings)
	a.create(whole)
	a.quit()
	other := newTap(t, cluster.URL())
	stream, err := other.js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	require.NoError(t, other.js.DeleteStream(t.Context(), "CLIENTS"))
	_, err = other.js.CreateStream(t.Context(), stream.CachedInfo().Config)
	require.NoError(t, err)
	_, err = start(context.Background(), settings, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "the stream ends before a sequence that it had already reached")
	require.ErrorContains(t, err, "a snapshot was taken at 1, and it now ends at 0")
}
