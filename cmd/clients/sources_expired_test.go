package main

import (
	"fmt"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// What other teams let expire before it was read is counted and told loudly.
func TestMessagesThatExpiredUnreadAreCounted(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	settings := externalSettings(t, 1, natsSettings{url: cluster.URL()})
	other := newTap(t, cluster.URL())
	other.sources()
	a := launchWith(t, settings)
	id := a.named("SuprCorp")
	client := fmt.Sprintf(`"client_id":%d`, id)
	other.say(project("Created", 1, client))
	a.want(400, "DELETE", path(id), "")
	a.quit()
	for n := range int64(20) {
		other.say(project("Created", n+2, client))
	}
	stream, err := other.js.Stream(t.Context(), "PROJECTS")
	require.NoError(t, err)
	require.NoError(t, stream.Purge(t.Context(), jetstream.WithPurgeKeep(5)))

	a = launchWith(t, settings)
	require.Contains(t, a.want(400, "DELETE", path(id), "").message(t), "6 active projects")
	require.Equal(t, 15, a.labelled("clients_source_expired_total", `stream="PROJECTS"`))
	require.Contains(t, a.logged.String(), "gone before they were read")
	a.quit()
	require.NoError(t, stream.Purge(t.Context()))
	a = launchWith(t, settings)
	require.Contains(t, a.want(400, "DELETE", path(id), "").message(t), "6 active projects")
	require.Zero(t, a.labelled("clients_source_expired_total", `stream="PROJECTS"`), "what was read before is no loss")
}
