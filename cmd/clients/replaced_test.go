package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// requireReplaced requires that a service has noticed that its stream was replaced, and leaves everything as it is.
func requireReplaced(t *testing.T, a *app, known, ids []int64) {
	t.Helper()
	begun := time.Now()
	eventually(t, "readiness fails", func() bool { return a.ops("/readyz").status == http.StatusServiceUnavailable })
	t.Logf("noticed after %v", time.Since(begun))
	require.Contains(t, a.ops("/readyz").body, "CLIENTS was replaced while the service ran, which has to be started again")
	require.Equal(t, 200, a.ops("/livez").status)
	for _, id := range known {
		got := a.want(200, "GET", path(id), "")
		require.Contains(t, got.header.Get("Warning"), "110")
	}
	for _, id := range ids {
		for _, got := range []answer{
			a.do("POST", "/clients", newClient, asXML),
			a.do("PUT", path(id), "<client><name>x</name></client>", asXML),
			a.do("POST", togglePath(id), ""),
			a.do("DELETE", path(id), ""),
		} {
			require.Equal(t, http.StatusServiceUnavailable, got.status)
			require.NotContains(t, got.message(t), "replaced", "nothing internal")
		}
	}
}

// A stream that is made again has another creation, and that is noticed though nobody asks for anything.
func TestAStreamThatIsMadeAgainStopsTheService(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	tap := a.tap()
	stream, err := tap.js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	require.NoError(t, tap.js.DeleteStream(t.Context(), "CLIENTS"))
	_, err = tap.js.CreateStream(t.Context(), stream.CachedInfo().Config)
	require.NoError(t, err)
	requireReplaced(t, a, []int64{id}, []int64{id})
	tap.say(project("Created", 7, fmt.Sprintf(`"client_id":%d`, id)))
	a.want(503, "DELETE", path(id), "")
	require.Zero(t, tap.lastSequence(), "nothing is stored")
	dir := a.settings.dataDir
	a.quit()
	code, _, stderr := serveInProcess(t, dir)
	require.Equal(t, 1, code, "answered writes are lost, and a start says so: %s", stderr)
}

// A copy of the stream's files has the creation that the stream has. A replica that read it beyond the copy notices, and
// one that is started reads what is there, and again what other services had said since.
func TestAStreamThatIsPutBackStopsTheServiceUntilItIsStartedAgain(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	settings := externalSettings(t, 1, natsSettings{url: cluster.URL()})
	other := newTap(t, cluster.URL())
	other.sources()
	a := launchWith(t, settings)
	kept := a.named("Kept")
	dir := filepath.Join(cluster.StoreDir(0), server.JetStreamStoreDir, "$G", "streams", "CLIENTS")
	copied := t.TempDir()
	restart := func(work func()) {
		cluster.Stop(0)
		work()
		cluster.Restart(t, 0)
		eventually(t, "the connections are back", func() bool { return other.nc.IsConnected() && (a.service == nil || a.nc.IsConnected()) })
	}
	restart(func() { require.NoError(t, os.CopyFS(copied, os.DirFS(dir))) })
	lost := a.named("Lost")
	other.say(project("Created", 7, fmt.Sprintf(`"client_id":%d`, kept)))
	a.want(400, "DELETE", path(kept), "")
	putBack := func() {
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.CopyFS(dir, os.DirFS(copied)))
	}
	restart(putBack)
	requireReplaced(t, a, []int64{kept, lost}, []int64{kept})
	a.quit()

	a = launchWith(t, settings)
	require.Len(t, a.list(""), 1, "and no snapshot of what is lost was saved")
	require.Contains(t, a.want(400, "DELETE", path(kept), "").message(t), "1 active project")
	require.Greater(t, a.named("Next"), lost, "the counter goes on")

	a.quit() // which saves a snapshot
	restart(putBack)
	_, err := start(t.Context(), settings, slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, eventstore.ErrWentBackwards)
	require.NoError(t, other.js.DeleteStream(t.Context(), "OBJ_CLIENTS_SNAPSHOTS"))
	a = launchWith(t, settings)
	require.Len(t, a.list(""), 1)
	require.Contains(t, a.want(400, "DELETE", path(kept), "").message(t), "1 active project")
}

// What else the service keeps may be lost under it: no id is used twice, and nothing is stored twice under a key that was
// used since.
func TestKeysAndTheCounterOfIDsMayBeMadeAgain(t *testing.T) {
	t.Parallel()
	a := launch(t)
	highest := useUp(a.caller)
	tap := a.tap()
	for _, stream := range []string{"KV_CLIENTS_KEYS", "CLIENTS_IDS"} {
		made, err := tap.js.Stream(t.Context(), stream)
		require.NoError(t, err)
		require.NoError(t, tap.js.DeleteStream(t.Context(), stream))
		if stream == "KV_CLIENTS_KEYS" {
			require.Equal(t, 503, a.do("POST", "/clients", newClient, asXML, "Idempotency-Key: 7b0f").status)
		}
		_, err = tap.js.CreateStream(t.Context(), made.CachedInfo().Config)
		require.NoError(t, err)
	}
	for range 110 { // more than a block of ids
		id := a.named("After the loss")
		require.Greater(t, id, highest)
		highest = id
	}
	first := a.want(201, "POST", "/clients", newClient, asXML, "Idempotency-Key: 7b0f").id(t)
	require.Greater(t, first, highest)
	require.Equal(t, first, a.want(201, "POST", "/clients", newClient, asXML, "Idempotency-Key: 7b0f").id(t))
	require.Equal(t, 200, a.ops("/readyz").status)
}
