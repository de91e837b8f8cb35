package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"clients/eventstore"

	"github.com/stretchr/testify/require"
)

// useUp takes ids and gives some of their clients up again, so that the list does not show how far the ids have come.
func useUp(c *caller) (highest int64) {
	c.t.Helper()
	c.named("Kept")
	for range 20 { // more than a creation tries out
		highest = c.named("Deleted")
		c.want(200, "DELETE", path(highest), "")
	}
	return highest
}

func TestIDsAreNotUsedAgainAfterARestart(t *testing.T) {
	t.Parallel()
	a := launch(t)
	highest := useUp(a.caller)
	for range 3 {
		a = a.relaunch()
		id := a.named("After the restart")
		require.Greater(t, id, highest)
		a.want(200, "DELETE", path(id), "")
		highest = id
	}
}

func TestIDsAreNotUsedAgainAfterAKill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	highest := int64(0)
	for range 3 {
		p := spawn(t, dir)
		id := p.named("After the kill")
		require.Greater(t, id, highest)
		highest = useUp(p.caller)
		p.kill()
	}
	require.Greater(t, spawn(t, dir).named("After the last kill"), highest)
}

// The counter can be lost: the events tell which ids are used up.
func TestIDsAreNotUsedAgainAfterTheirStreamWasDeleted(t *testing.T) {
	t.Parallel()
	a := launch(t)
	highest := useUp(a.caller)
	settings := a.settings
	a.quit()
	deleteStream(t, settings.dataDir, "CLIENTS_IDS")
	a = launchWith(t, settings)
	id := a.named("After the loss")
	require.Greater(t, id, highest)
	highest = useUp(a.caller)
	a.quit()
	deleteStream(t, settings.dataDir, "CLIENTS_IDS")
	a = launchWith(t, settings)
	require.Greater(t, a.want(201, "POST", "/clients", newClient, asXML, "Idempotency-Key: 7b0f").id(t), highest)
	require.Len(t, a.list(""), 4, "each of the clients is another one")
}

// deleteStream does to the store of a stopped service what an admin could.
func deleteStream(t *testing.T, dir, stream string) {
	t.Helper()
	server, err := eventstore.StartEmbedded(eventstore.EmbeddedConfig{Dir: dir, Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer server.Shutdown()
	require.NoError(t, newTap(t, adminURL(server.URL(), dir)).js.DeleteStream(context.Background(), stream))
}
