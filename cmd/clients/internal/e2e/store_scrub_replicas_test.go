package e2e_test

import (
	"net/http"
	"slices"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

func TestReplicasScrubOneAtATimeAndNotAgainAtOnce(t *testing.T) {
	t.Parallel()
	servers := natstest.Run(t, 1)
	settings := []string{"CLIENTS_STREAM_REPLICAS=1", "CLIENTS_SCRUB_INTERVAL=100s", "CLIENTS_LOG_LEVEL=info"}
	replicas := startReplicas(t, 2, servers.URL(), settings...)
	createThree(t, replicas[0])
	shared := func() bool { // as long as no scrub is known, each shows its own start
		last := replicas[0].metric("clients_scrub_finished_timestamp_seconds")
		return !slices.ContainsFunc(replicas, func(s *service) bool {
			return s.metric("clients_scrub_finished_timestamp_seconds") != last
		})
	}
	eventually(t, shared, "all replicas report the scrub")
	replicas = append(replicas, startReplicas(t, 1, servers.URL(), settings...)...)
	eventually(t, shared, "so does a new one")
	scrubs := 0
	for _, s := range replicas {
		if s.stderr.contains("scrub finished") {
			scrubs++
		}
		require.Zero(t, s.metric("clients_scrub_faults"))
	}
	require.Equal(t, 1, scrubs)
}

func TestAScrubFindsAMissingEventInOneOfThreeCopies(t *testing.T) {
	t.Parallel()
	s, servers := startOn(t, 3)
	_, js := connect(t, servers.URL())
	stream, err := js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	follower := slices.IndexFunc([]string{"n1", "n2", "n3"}, func(name string) bool { return name != stream.CachedInfo().Cluster.Leader })
	servers.Stop(follower)
	for _, block := range blocks(t, servers.StoreDir(follower)) {
		flip(t, block, "Second Ltd")
	}
	servers.Restart(t, follower)
	eventually(t, func() bool { return s.metric("clients_scrub_faults", `kind="copy"`) > 0 }, "the scrub finds it")
	require.Contains(t, s.stderr.String(), "lacks the message")
	require.Equal(t, http.StatusOK, s.operations("/readyz").status)
	s.createOnce("Fourth Ltd")
}
