package e2e_test

import (
	"net/http"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// The responses of the operations endpoints: healthy, after some requests, and without NATS.
func TestOperationsEndpointsReportTheState(t *testing.T) {
	t.Parallel()
	servers := natstest.Run(t, 1)
	s := startReplicas(t, 1, servers.URL(), "CLIENTS_STREAM_REPLICAS=1")[0]
	ops := s.at(s.ops)
	for _, p := range []string{"/livez", "/readyz"} {
		require.Equal(t, "ok\n", ops.want(200, "GET", p, "").body)
	}
	version := ops.want(200, "GET", "/version", "")
	require.Equal(t, "application/json", version.header.Get("Content-Type"))
	for _, name := range []string{"version", "commit", "go"} {
		require.NotEmpty(t, fields(t, version.body)[name], name)
	}
	for _, p := range []string{"/livez", "/readyz", "/metrics", "/version"} {
		ops.want(http.StatusMethodNotAllowed, "POST", p, "")
	}
	ops.want(404, "GET", "/clients", "")
	ops.want(404, "GET", "/", "")

	metrics := s.operations("/metrics").body
	for _, series := range []string{ // rate() does not see the first failure of a series that begins with it
		`clients_http_outcomes_total{outcome="failed"}`,
		`clients_fence_duration_seconds_count{outcome="failed"}`,
	} {
		require.Contains(t, metrics, series+" 0\n")
	}

	id := s.create("SuprCorp")
	s.update(id, "<name>Other</name>")
	s.update(id, "<name>Other</name>") // changes nothing
	s.want(400, "POST", "/clients", "<client/>", asXML)
	s.want(404, "GET", "/clients/999999", "")
	s.want(404, "GET", "/no/series/of/its/own", "")
	s.want(405, "BREW", "/clients", "")
	s.want(200, "GET", "/clients", "")
	metrics = s.operations("/metrics").body
	for _, line := range []string{
		`clients_events_appended_total 2`,
		`clients_projection_sequence 2`,
		`clients_clients 1`,
		`clients_stray_messages_total 0`,
		`clients_commands_total{outcome="applied"} 2`,
		`clients_commands_total{outcome="unchanged"} 1`,
		`clients_commands_total{outcome="refused"} 1`,
		`clients_http_requests_total{method="POST",route="/clients",status="201"} 1`,
		`clients_http_requests_total{method="PUT",route="/clients/{id}",status="200"} 2`,
		`clients_http_requests_total{method="GET",route="/clients/{id}",status="404"} 1`,
		`clients_http_requests_total{method="GET",route="/clients",status="200"} 1`,
		`clients_http_request_duration_seconds_count{method="GET",route="/clients"} 1`,
		`clients_http_outcomes_total{outcome="done"} 4`,
		`clients_http_outcomes_total{outcome="refused"} 4`,
	} {
		require.Contains(t, metrics, line+"\n")
	}
	require.Contains(t, metrics, "clients_build_info{")
	require.Contains(t, metrics, "go_goroutines ")
	for _, sent := range []string{"BREW", "/no/series", "/999999"} {
		require.NotContains(t, metrics, sent, "callers create no series")
	}

	servers.Stop(0)
	s.want(503, "PUT", path(id), "<client><name>Third</name></client>", asXML)
	require.Equal(t, 1.0, s.metric("clients_http_outcomes_total", `outcome="failed"`))
}
