package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAcknowledgedWritesSurviveKillAndStop(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := s.create("SuprCorp")
	s.kill()
	s = s.restart(t)
	second := s.create("Once Ltd")
	require.Zero(t, s.stop(t))
	s = s.restart(t)
	require.Equal(t, "SuprCorp", s.attributes(first)["name"])
	require.Equal(t, "Once Ltd", s.attributes(second)["name"])
	history := events(t, s.partner(t), "clients.>")
	require.Len(t, history, 2)
	require.True(t, history[0].is("ClientCreated"), history[0].header)
}

func TestEveryReplicaShowsAWriteAtOnce(t *testing.T) {
	t.Parallel()
	replicas, _ := startCluster(t)
	for i, writer := range replicas {
		id := writer.create("SuprCorp")
		for _, reader := range replicas {
			require.Equal(t, "SuprCorp", reader.attributes(id)["name"], "written through replica %d", i)
		}
	}
}
