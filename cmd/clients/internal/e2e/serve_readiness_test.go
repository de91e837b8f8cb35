package e2e_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// launchUnready is launch of a service whose operations endpoints can be used before it is ready.
func launchUnready(t *testing.T, variables ...string) *service {
	t.Helper()
	ops := natstest.FreeAddress(t)
	s := launch(t, append(variables, "CLIENTS_OPS_ADDR="+ops)...)
	s.client, s.ops = newClient(t, ""), "http://"+ops
	return s
}

// unreadiness returns what /readyz says: the text of a response of 503, "" without a response.
func (s *service) unreadiness() string {
	r, err := s.at(s.ops).send(http.MethodGet, "/readyz", "")
	if err != nil || r.status != http.StatusServiceUnavailable {
		return ""
	}
	return strings.TrimSuffix(r.body, "\n")
}

// last prints the present reason when a test has failed.
type last struct{ *service }

func (l last) String() string { return l.unreadiness() }

// While it starts, a service says what it waits for.
func TestReadinessNamesWhatAStartWaitsFor(t *testing.T) {
	t.Parallel()
	stopped := natstest.Run(t, 1)
	stopped.Stop(0)
	locked := natstest.Run(t, 1, func(o *server.Options) { o.Username, o.Password = "user", "sesame" })
	leaderless := natstest.Run(t, 3)
	startReplicas(t, 1, leaderless.URL())[0].kill()
	leaderless.Stop(0)
	leaderless.Stop(1)
	for name, c := range map[string]struct{ url, reason string }{
		"no server":      {stopped.URL(), "^starting: connect to NATS: waiting for NATS: connection refused$"},
		"rejected login": {locked.URL(), "^starting: connect to NATS: waiting for NATS: login rejected$"},
		"no leader":      {leaderless.URL(), "^starting: .*(stream CLIENTS has no leader|the stream leader has no quorum)$"}, // until it notices
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := launchUnready(t, "CLIENTS_NATS_URL="+c.url, "CLIENTS_LOG_LEVEL=error")
			require.Eventually(t, func() bool { return regexp.MustCompile(c.reason).MatchString(s.unreadiness()) }, timeout, 10*time.Millisecond, "%v", last{s})
			require.Empty(t, s.stderr.String(), "a warning is not logged at this level")
		})
	}
}

// A start that loses its connection says that NATS cannot be reached.
func TestReadinessNamesAConnectionThatAStartLoses(t *testing.T) {
	t.Parallel()
	servers := natstest.Run(t, 3)
	servers.Stop(0)
	servers.Stop(1)
	s := launchUnready(t, "CLIENTS_NATS_URL="+servers.URL())
	require.Eventually(t, func() bool { return strings.HasPrefix(s.unreadiness(), "starting: open the streams: waiting for NATS") }, timeout, 10*time.Millisecond, "%v", last{s})
	servers.Stop(2)
	require.Eventually(t, func() bool { return strings.HasSuffix(s.unreadiness(), "NATS cannot be reached") }, timeout, 10*time.Millisecond, "%v", last{s})
}

// While it reads the stream, a service says how far it is.
func TestReadinessShowsTheProgressOfAReplay(t *testing.T) {
	t.Parallel()
	servers := natstest.Run(t, 1)
	startReplicas(t, 1, servers.URL(), "CLIENTS_STREAM_REPLICAS=1")[0].kill()
	js, err := jetstream.New(servers.Connect(t, 0))
	require.NoError(t, err)
	for range 20 {
		for range 1000 {
			_, err := js.PublishAsync("clients.default.1", []byte("{}"))
			require.NoError(t, err)
		}
		<-js.PublishAsyncComplete()
	}
	s := launchUnready(t, "CLIENTS_NATS_URL="+servers.URL(), "CLIENTS_STREAM_REPLICAS=1")
	for reason := ""; !strings.HasSuffix(reason, " %)"); reason = s.unreadiness() {
		require.False(t, s.hasExited() || s.stdout.contains("is ready"), "the replay was too short: add messages")
	}
	s.awaitReady(t)
	require.Equal(t, http.StatusOK, s.operations("/readyz").status)
}

// A ready service reports the reason why it refuses writes.
func TestReadinessNamesWhyWritesAreRefused(t *testing.T) {
	t.Parallel()
	servers := natstest.Run(t, 3)
	s := startReplicas(t, 1, servers.URL())[0]
	readiness := func(want string) {
		eventually(t, func() bool { return s.operations("/readyz").body == want+"\n" }, "%s: %s", want, s.operations("/readyz").body)
	}
	servers.Stop(0)
	servers.Stop(1)
	readiness("read-only: stream CLIENTS has no leader")
	servers.Stop(2)
	readiness("read-only: NATS cannot be reached")
}
