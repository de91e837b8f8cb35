package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOperationsOfAHealthyService(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, p := range []string{"/livez", "/readyz"} {
		got := a.ops(p)
		require.Equal(t, 200, got.status)
		require.Equal(t, "ok\n", got.body)
	}
	version := a.ops("/version")
	require.Equal(t, 200, version.status)
	require.Equal(t, "application/json", version.header.Get("Content-Type"))
	for _, name := range []string{"version", "commit", "go"} {
		require.NotEmpty(t, fields(t, version.body)[name], name)
	}
}

func TestOperationsStandBesideTheAPI(t *testing.T) {
	t.Parallel()
	a := launch(t)
	for _, p := range []string{"/livez", "/readyz", "/metrics", "/version"} {
		a.want(404, "GET", p, "")
		require.Equal(t, http.StatusMethodNotAllowed, a.at("http://"+a.opsAddr()).do("POST", p, "").status)
	}
	require.Equal(t, 404, a.ops("/clients").status)
	require.Equal(t, 404, a.ops("/").status)
}

// rate() does not see the first failure of a series that begins with it.
func TestOperationsShowFailuresBeforeThereAreAny(t *testing.T) {
	t.Parallel()
	a := launch(t)
	metrics := a.ops("/metrics").body
	for _, series := range []string{
		`clients_http_outcomes_total{outcome="failed"}`,
		`clients_http_requests_total{method="POST",route="/clients",status="503"}`,
		`clients_http_requests_total{method="DELETE",route="/clients/{id}",status="500"}`,
		`clients_fence_duration_seconds_count{outcome="failed"}`,
	} {
		require.Contains(t, metrics, series+" 0\n")
	}
	id := a.named("SuprCorp")
	a.embedded.Shutdown()
	a.want(503, "PUT", path(id), "<client><name>Other</name></client>", asXML)
	require.Equal(t, 1, a.labelled("clients_http_outcomes_total", `outcome="failed"`))
}

func TestOperationsCountWhatHappens(t *testing.T) {
	t.Parallel()
	a := launch(t)
	id := a.named("SuprCorp")
	a.update(id, "<name>Other</name>")
	a.update(id, "<name>Other</name>") // changes nothing
	a.want(400, "POST", "/clients", "<client/>", asXML)
	a.want(404, "GET", "/clients/999999", "")
	a.want(404, "GET", "/no/series/of/its/own", "")
	a.want(405, "BREW", "/clients", "")
	a.want(200, "GET", "/clients", "")
	require.Equal(t, 2, a.counter("clients_events_appended_total"))
	require.Equal(t, 2, a.counter("clients_projection_sequence"))
	require.Equal(t, 1, a.counter("clients_clients"))
	require.Equal(t, 0, a.counter("clients_stray_messages_total"))
	metrics := a.ops("/metrics").body
	for _, line := range []string{
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
	require.NotContains(t, metrics, "BREW", "callers make no series")
	require.NotContains(t, metrics, "/no/series", "nor do paths")
	require.NotContains(t, metrics, "/999999")
}
