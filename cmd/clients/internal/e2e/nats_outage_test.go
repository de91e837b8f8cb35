package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// refusedWithin is how soon a write is refused that cannot be carried out: a command waits for the read barrier for 5 s at
// most, and the rest is for a busy machine.
const refusedWithin = 10 * time.Second

// Without NATS reads continue from the projection, with a warning, and writes are refused in time. When NATS is back, the
// service recovers. With eventual consistency reads have no warning.
func TestReadsContinueWithoutNATS(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	s := startReplicas(t, 1, cluster.URL(), "CLIENTS_STREAM_REPLICAS=1")[0]
	eventual := s.again(t, "CLIENTS_READ_CONSISTENCY=eventual")
	id := s.createFrom(everything)
	var targets []int64 // commands on one client wait for each other
	for range 2 * len(writes) {
		targets = append(targets, s.create("Target"))
	}
	before, tag := s.list(""), s.want(http.StatusOK, http.MethodGet, path(id), "").tag()
	eventual.list("")
	cluster.Stop(0)

	var all sync.WaitGroup
	for _, p := range []string{"/clients", "/clients.json", path(id), path(id) + ".json", "/clients?updated_since=2010-09-25"} {
		all.Go(func() {
			begun := time.Now()
			r, err := s.send(http.MethodGet, p, "")
			assert.NoError(t, err)
			assert.Less(t, time.Since(begun), refusedWithin)
			assert.Equal(t, http.StatusOK, r.status)
			assert.Contains(t, r.header.Get("Warning"), "110", p)
		})
	}
	all.Wait()
	require.Equal(t, before, s.list(""))
	require.Contains(t, s.want(http.StatusNotModified, http.MethodGet, path(id), "", "If-None-Match: "+tag).header.Get("Warning"), "110")
	require.NotEmpty(t, s.want(http.StatusServiceUnavailable, http.MethodGet, path(id+1000), "").header.Get("Retry-After"), "another replica may have created it")
	for _, p := range []string{path(id) + "/history", path(id) + "?version=1", path(id) + "?as_of=2999-01-01"} {
		r := s.want(http.StatusServiceUnavailable, http.MethodGet, p, "")
		require.NotEmpty(t, r.header.Get("Retry-After"), p)
		require.Empty(t, r.header.Get("Warning"), p)
	}
	require.Empty(t, eventual.want(http.StatusOK, http.MethodGet, path(id), "").header.Get("Warning"))
	for i, target := range targets {
		w, key := writes[i/2], []string{"X-None: x", fmt.Sprintf("Idempotency-Key: key %d", i)}[i%2]
		all.Go(func() {
			begun := time.Now()
			r, err := s.send(w.method, fillID(w.path, target), w.body, asXML, key)
			assert.NoError(t, err)
			assert.Less(t, time.Since(begun), refusedWithin, "%s %s with %s", w.method, w.path, key)
			assert.Equal(t, http.StatusServiceUnavailable, r.status)
			assert.NotEmpty(t, r.header.Get("Retry-After"))
			assert.NotContains(t, strings.ToLower(r.body), "nats", "nothing internal")
			assert.NotContains(t, r.body, "PROJECTS", "no stream is to blame")
		})
	}
	all.Wait()
	s.want(http.StatusBadRequest, http.MethodPost, "/clients", "<client>", asXML)
	require.Equal(t, before, s.list(""))
	require.Equal(t, http.StatusOK, s.operations("/livez").status)
	eventually(t, func() bool {
		readiness := s.operations("/readyz")
		return readiness.status == http.StatusOK && strings.HasPrefix(readiness.body, "read-only: NATS cannot be reached")
	}, "readiness reports that writes are refused")
	for _, stream := range []string{"CLIENTS", "CLIENTS_IDS", "CLIENTS_QUARANTINE", "KV_CLIENTS_KEYS", "OBJ_CLIENTS_SNAPSHOTS", "PROJECTS", "INVOICES"} {
		eventually(t, func() bool { return s.metric("clients_stream_up", fmt.Sprintf("stream=%q", stream)) == 0 }, "%s is down", stream)
	}

	require.NotContains(t, s.stderr.String(), "outbound buffer", "that is nats.go's text for a missing connection")
	cluster.Restart(t, 0)
	s.awaitWrites(id)
	require.Equal(t, "Back", s.get(id).Name)
	require.Empty(t, s.want(http.StatusOK, http.MethodGet, path(id), "").header.Get("Warning"))
	require.Len(t, s.list(""), len(before), "nothing that was refused has happened")
	require.Equal(t, []string{"Back"}, names(s.list(""))[:1])
}

// awaitWrites waits until a client can be changed.
func (c *client) awaitWrites(id int64) {
	c.t.Helper()
	eventually(c.t, func() bool {
		r, err := c.send(http.MethodPut, path(id), `{"client":{"name":"Back"}}`, asJSON)
		return err == nil && r.status == http.StatusOK
	}, "writes are accepted")
}

// While a service starts it refuses requests, after a moment, and carries out none of them later.
func TestRequestsDuringAStartAreRefused(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	cluster.Stop(0)
	addr := freeAddresses(t, 1)[0]
	s := launch(t, "CLIENTS_NATS_URL="+cluster.URL(), "CLIENTS_STREAM_REPLICAS=1", "CLIENTS_HTTP_ADDR="+addr)
	c := newClient(t, "http://"+addr)
	var r response
	eventually(t, func() (accepted bool) {
		var err error
		r, err = c.send(http.MethodPost, "/clients", "<client><name>Refused</name></client>", asXML)
		return err == nil
	}, "connections are accepted")
	for kind, r := range map[string]response{"application/xml": r, "application/json": c.do(http.MethodGet, "/clients.json", "")} {
		require.Equal(t, http.StatusServiceUnavailable, r.status)
		require.Equal(t, "1", r.header.Get("Retry-After"))
		require.Equal(t, kind+"; charset=utf-8", r.header.Get("Content-Type"))
		require.Equal(t, "The service is starting. Please try again.", r.message(t))
	}
	cluster.Restart(t, 0)
	s.awaitReady(t)
	require.Empty(t, s.list(""))
}

// A service that starts before NATS waits for it, and can be stopped meanwhile.
func TestAStartWaitsForNATS(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	cluster.Stop(0)
	variables := []string{"CLIENTS_NATS_URL=" + cluster.URL(), "CLIENTS_STREAM_REPLICAS=1"}
	stopped, s := launch(t, variables...), launch(t, variables...)
	for _, s := range []*service{stopped, s} {
		eventually(t, func() bool { return s.stderr.contains("waiting for NATS") }, "it warns")
	}
	require.Zero(t, stopped.stop(t))
	cluster.Restart(t, 0)
	s.awaitReady(t)
	s.create("SuprCorp")
	require.Zero(t, s.stop(t))
}

// Three replicas of a stream are more than one server can have; a cluster that lacks servers may be forming.
func TestAStartOnTooFewServersIsRefusedOrWaits(t *testing.T) {
	t.Parallel()
	refused := launch(t, "CLIENTS_NATS_URL="+natstest.Run(t, 1).URL())
	require.Equal(t, 1, refused.exitCode(t))
	require.Contains(t, refused.stderr.String(), "CLIENTS_STREAM_REPLICAS")
	waiting := launch(t, "CLIENTS_NATS_URL="+natstest.Run(t, 3).URL(), "CLIENTS_STREAM_REPLICAS=5")
	eventually(t, func() bool { return waiting.stderr.contains("waiting for NATS") }, "it reports what it waits for")
	require.Zero(t, waiting.stop(t))
	require.Empty(t, waiting.stdout.String())
}

// A login may be changed on both sides one after the other: a service retries one that is refused.
func TestALoginThatIsRefusedIsRetried(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1, func(o *server.Options) { o.Username, o.Password = "user", "other" })
	change := func(password string) {
		cluster.Stop(0)
		cluster.Change(0, func(o *server.Options) { o.Password = password })
		cluster.Restart(t, 0)
	}
	s := launch(t, "CLIENTS_NATS_URL="+withUser(cluster.URL(), "user:sesame"), "CLIENTS_STREAM_REPLICAS=1")
	eventually(t, func() bool { return s.stderr.contains("login rejected") }, "the login is refused")
	change("sesame")
	s.awaitReady(t)
	id := s.create("SuprCorp")
	logged := len(s.stderr.String())
	change("other")
	eventually(t, func() bool { return strings.Count(s.stderr.String()[logged:], "uthorization") > 3 }, "it is refused several times")
	require.Contains(t, s.want(http.StatusOK, http.MethodGet, path(id), "").header.Get("Warning"), "110")
	s.want(http.StatusServiceUnavailable, http.MethodGet, path(id+1000), "")
	s.want(http.StatusServiceUnavailable, http.MethodPut, path(id), `{"client":{"name":"Other"}}`, asJSON)
	require.Equal(t, "read-only: NATS rejects the login\n", s.operations("/readyz").body)
	change("sesame")
	s.awaitWrites(id)
	require.Zero(t, s.stop(t))
	require.NotContains(t, s.stdout.String()+s.stderr.String(), "sesame")
}

// withUser puts a login in front of the host of each URL.
func withUser(urls, user string) string { return strings.ReplaceAll(urls, "://", "://"+user+"@") }

// The service disconnects from a server that no longer responds, as behind a broken network.
func TestAnUnresponsiveServerIsDisconnected(t *testing.T) {
	t.Parallel()
	network := natstest.NewNetwork(t)
	servers := natstest.Run(t, 1, network.Between)
	s := startReplicas(t, 1, network.URL("service", servers), "CLIENTS_STREAM_REPLICAS=1")[0]
	id := s.create("SuprCorp")
	network.Hold("service")
	s.want(http.StatusServiceUnavailable, http.MethodPut, path(id), `{"client":{"name":"Lost"}}`, asJSON)
	network.Cut("service")
	network.Heal()
	s.awaitWrites(id)
	require.Equal(t, "Back", s.get(id).Name)
}
