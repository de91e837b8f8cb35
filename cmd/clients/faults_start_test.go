package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Replicas that are all started before the servers are, and on an empty store, create what they need together.
func TestFaultsStartTogetherBeforeThereIsALeader(t *testing.T) {
	t.Parallel()
	s := newServers(t)
	for i := range places {
		s.servers.Stop(i)
	}
	var started []*background
	for _, r := range s.replicas {
		started = append(started, serveInBackground(t, unusedDir(t), "--nats-url", r.settings.nats.url))
	}
	for _, b := range started {
		eventually(t, "it waits", func() bool { return b.said("NATS cannot be reached yet") })
	}
	for i := range places {
		s.servers.Restart(t, i)
	}
	var callers []*caller
	for _, b := range started {
		callers = append(callers, b.ready(t))
	}
	requireReplicas(t, s.tap, places)
	ids := map[int64]bool{}
	for range 3 {
		for _, c := range callers {
			ids[c.named("SuprCorp")] = true
		}
	}
	require.Len(t, ids, 9)
	for _, c := range callers {
		require.Len(t, c.list(""), 9)
	}
	for _, b := range started {
		require.Zero(t, b.end(), b.stderr.String())
	}
}
