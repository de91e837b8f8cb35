package e2e_test

import (
	"net/http"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// removals are the ways in which an administrator removes events.
var removals = map[string][]jetstream.StreamPurgeOpt{
	"all events":                  {},
	"the first events":            {jetstream.WithPurgeSequence(3)},
	"all but the last event":      {jetstream.WithPurgeKeep(1)},
	"the events of one client":    {jetstream.WithPurgeSubject("clients.default.2")},
	"the events of the newest":    {jetstream.WithPurgeSubject("clients.default.4")},
	"what was learned of another": {jetstream.WithPurgeSubject("client-references.>")},
}

func TestMissingEventsStopTheServiceAndItsStart(t *testing.T) {
	t.Parallel()
	for name, removal := range removals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			fill(t, s, s.administrator(t))
			purge(t, s.administrator(t), removal...)
			requireStopsForMissingEvents(t, s)
			require.Equal(t, 1, run(t, []string{"CLIENTS_DATA_DIR=" + s.dataDir}, "verify").code)
			s.stop(t)
			found := run(t, nil, "verify", "--data-dir", s.dataDir)
			require.Equal(t, 1, found.code, found.stdout)
			require.Contains(t, found.stdout, "missing")
			requireStartRefused(t, append(s.variables, "CLIENTS_DATA_DIR="+s.dataDir)...)
		})
	}
}

// A deleted stream lacks all events. Servers may report a missing stream for a while although it exists.
func TestADeletedStreamStopsTheService(t *testing.T) {
	t.Parallel()
	s := start(t)
	fill(t, s, s.administrator(t))
	require.NoError(t, s.administrator(t).DeleteStream(t.Context(), "CLIENTS"))
	requireStopsForMissingEvents(t, s)
	require.Equal(t, 1, run(t, []string{"CLIENTS_DATA_DIR=" + s.dataDir}, "verify").code)
}

func TestMissingEventsAreDetectedOnExternalServers(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"one server": 1, "three servers": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := natstest.Run(t, n)
			replicas := "CLIENTS_STREAM_REPLICAS=" + map[int]string{1: "1", 3: "3"}[n]
			unscrubbed := "CLIENTS_SCRUB_INTERVAL=0" // which would find them as well
			s := startReplicas(t, 1, servers.URL(), replicas, unscrubbed)[0]
			_, js := connect(t, servers.URL())
			fill(t, s, js)
			require.Zero(t, s.stop(t)) // so that there is a snapshot
			s = startReplicas(t, 1, servers.URL(), replicas, unscrubbed)[0]
			purge(t, js, jetstream.WithPurgeSubject("clients.default.2"))
			requireStopsForMissingEvents(t, s)
			found := run(t, s.variables, "verify")
			require.Equal(t, 1, found.code, found.stdout)
			require.Contains(t, found.stdout, "missing")
			requireStartRefused(t, s.variables...)
		})
	}
}

// fill stores events of four clients and of a project.
func fill(t *testing.T, s *service, js jetstream.JetStream) {
	t.Helper()
	for range 3 {
		s.createOnce("SuprCorp")
	}
	project(t, js, "ProjectCreated", 7, `"client_id":1`)
	s.settle(http.StatusBadRequest, http.MethodDelete, path(1), "") // the project is on record
	s.createOnce("SuprCorp")
}

func purge(t *testing.T, js jetstream.JetStream, options ...jetstream.StreamPurgeOpt) {
	t.Helper()
	stream, err := js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	require.NoError(t, stream.Purge(t.Context(), options...))
}

// requireStopsForMissingEvents waits until a service is not ready because events are missing, and requires that it refuses
// writes.
func requireStopsForMissingEvents(t *testing.T, s *service) {
	t.Helper()
	eventually(t, func() bool { return s.operations("/readyz").status == http.StatusServiceUnavailable }, "the service notices")
	require.Contains(t, s.operations("/readyz").body, "messages are missing from the stream CLIENTS")
	require.NotContains(t, s.stderr.String(), `hint=""`)
	s.want(http.StatusServiceUnavailable, http.MethodPost, "/clients", "<client><name>Another</name></client>", asXML)
	s.want(http.StatusServiceUnavailable, http.MethodPut, path(1), "<client><name>Another</name></client>", asXML)
	require.NotEmpty(t, s.want(http.StatusOK, http.MethodGet, path(1), "").header.Get("Warning"), "reads continue from the last state")
}

func requireStartRefused(t *testing.T, variables ...string) {
	t.Helper()
	refused := launch(t, variables...)
	require.Equal(t, 1, refused.exitCode(t))
	require.Contains(t, refused.stderr.String(), "messages are missing from the stream CLIENTS")
	require.Contains(t, refused.stderr.String(), "clients verify")
}
