package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// What was learned from other services outlives their streams: their retention, a purge, a stream made again.
func TestWhatWasLearnedOutlivesTheStreams(t *testing.T) {
	t.Parallel()
	a := launch(t)
	other := a.tap()
	busy, billed, free := a.named("Busy"), a.named("Billed"), a.named("Free")
	other.say(
		project("Created", 1, fmt.Sprintf(`"client_id":%d`, busy)),
		project("Created", 2, fmt.Sprintf(`"client_id":%d`, free)),
		invoice("Created", 1, fmt.Sprintf(`"client_id":%d`, billed)),
		project("Deleted", 2, ""),
	)
	stays := func() {
		t.Helper()
		require.Contains(t, a.want(400, "DELETE", path(busy), "").message(t), "1 active project")
		require.Contains(t, a.want(400, "DELETE", path(billed), "").message(t), "1 invoice")
	}
	stays()
	ctx := t.Context()
	for _, stream := range []string{"PROJECTS", "INVOICES"} {
		s, err := other.js.Stream(ctx, stream)
		require.NoError(t, err)
		require.NoError(t, s.Purge(ctx))
	}
	stays()
	a = a.relaunch()
	other = a.tap()
	stays()
	require.Zero(t, a.labelled("clients_source_expired_total", `stream="PROJECTS"`), "what was read and is gone is no loss")

	for _, stream := range []string{"PROJECTS", "INVOICES"} { // by the other teams, from sequence 1 again
		require.NoError(t, other.js.DeleteStream(ctx, stream))
	}
	require.Contains(t, a.want(503, "DELETE", path(busy), "").message(t), "does not exist")
	a = a.relaunch() // which creates them where they are missing
	other = a.tap()
	stays()
	other.say(project("Toggled", 1, `"active":false`)) // sequence 1 of another stream is not the one that was read
	require.Contains(t, a.want(400, "DELETE", path(busy), "").message(t), "1 inactive project")
	a.want(200, "POST", togglePath(busy), "")
	a.want(200, "DELETE", path(free), "")
	a = a.relaunch()
	require.Contains(t, a.want(400, "DELETE", path(busy), "").message(t), "1 inactive project")
}
