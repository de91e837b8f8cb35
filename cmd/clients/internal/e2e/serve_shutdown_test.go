package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// awaitNotReady waits until readiness fails.
func (s *service) awaitNotReady(t *testing.T) {
	t.Helper()
	eventually(t, func() bool {
		r, err := s.at(s.ops).send("GET", "/readyz", "")
		return err == nil && r.status == http.StatusServiceUnavailable
	}, "readiness fails")
}

func TestShutdownFailsReadinessFirst(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_SHUTDOWN_DELAY=6s") // time for the requests below
	id := s.create("SuprCorp")
	s.signal(t, syscall.SIGTERM)
	s.awaitNotReady(t)
	require.Equal(t, 200, s.operations("/livez").status)
	r, err := http.Get(s.base + "/clients")
	require.NoError(t, err)
	r.Body.Close()
	require.True(t, r.Close, "the caller is to close the connection")
	fresh := newClient(t, s.base) // others are served meanwhile
	require.Equal(t, "SuprCorp", fresh.get(id).Name)
	fresh.update(id, "<name>Still served</name>")
	require.Zero(t, s.exitCode(t))
	_, err = net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	require.Error(t, err)
}

func TestShutdownLetsTheRequestInFlightFinish(t *testing.T) {
	t.Parallel()
	s := start(t)
	const body = "<client><name>In flight</name></client>"
	slow := dial(t, s.base)
	slow.write(fmt.Sprintf("POST /clients HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(body)))
	require.Equal(t, http.StatusContinue, slow.read().status, "the request is being handled")
	s.signal(t, syscall.SIGTERM)
	eventually(t, func() bool {
		other, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
		if err == nil {
			other.Close()
		}
		return err != nil
	}, "the listener is closed")
	require.False(t, s.hasExited())
	slow.write(body)
	require.Equal(t, http.StatusCreated, slow.read().status)
	require.Zero(t, s.exitCode(t))
	require.Equal(t, []string{"In flight"}, names(s.restart(t).list("")))
}

func TestShutdownIsQuickWithoutRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s.create("SuprCorp")
		begun := time.Now()
		s.signal(t, signal)
		require.Zero(t, s.exitCode(t))
		require.Less(t, time.Since(begun), 10*time.Second)
		require.False(t, s.stderr.contains("level=ERROR"))
		s = s.restart(t)
	}
	require.Len(t, s.list(""), 2)
}

func TestASecondSignalEndsTheProcessAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_SHUTDOWN_DELAY=10s")
	id := s.create("SuprCorp")
	s.signal(t, syscall.SIGTERM)
	s.awaitNotReady(t)
	begun := time.Now()
	eventually(t, func() bool { _ = s.cmd.Process.Signal(syscall.SIGTERM); return s.hasExited() }, "the process ends")
	require.Less(t, time.Since(begun), 8*time.Second)
	require.Equal(t, "SuprCorp", s.restart(t).get(id).Name)
}

// A NATS server that does not respond, or is gone, does not keep a service from ending in time.
func TestShutdownDoesNotWaitForNATS(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(n *natstest.Network){
		"silent": func(n *natstest.Network) { n.Hold("service") },
		"gone":   func(n *natstest.Network) { n.Cut("service") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network, servers := natstest.NewNetwork(t), natstest.Run(t, 1)
			s := startReplicas(t, 1, network.URL("service", servers), "CLIENTS_STREAM_REPLICAS=1")[0]
			s.create("SuprCorp")
			t.Cleanup(network.Heal)
			fail(network)
			begun := time.Now()
			require.Zero(t, s.stop(t))
			require.Less(t, time.Since(begun), 11*time.Second, "requests under way may need the rest of 25 s")
			t.Logf("it took %s", time.Since(begun))
		})
	}
}
