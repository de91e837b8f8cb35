package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A server that is stopped in the middle of what it does, and goes on as if nothing had been when others have taken its
// place, deceives nobody.
func TestFaultsOfALeaderThatIsPaused(t *testing.T) {
	t.Parallel()
	processes := natstest.RunProcesses(t, places)
	var urls []string
	for _, p := range processes {
		urls = append(urls, p.URL)
	}
	s := &site{t: t, tap: newTap(t, strings.Join(urls, ","))}
	s.sourcesOf(places)
	for i := range places {
		settings := externalSettings(t, places, natsSettings{url: strings.Join(urls, ",")})
		s.replicas = append(s.replicas, &replica{name: fmt.Sprintf("r%d", i+1), settings: settings})
		s.restartReplica(i)
	}
	leaderIsPaused := fault{"the stream's leader is held by SIGSTOP", 8 * time.Second, func(s *site) func() {
		leader := processes[s.leader()]
		require.NoError(t, leader.Pause())
		return func() { assert.NoError(t, leader.Resume()) }
	}}
	for begun, i := time.Now(), 0; i == 0 || time.Since(begun) < faultsFor(); i++ {
		s.survives(leaderIsPaused)
	}
}
