package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// A corruption is a message that claims to be an event of the service and cannot be one.
type corruption struct {
	subject string
	header  nats.Header
	data    string
}

// corruptions of a client that is at version 1.
func corruptions(id int64) map[string]corruption {
	subject := fmt.Sprintf("clients.default.%d", id)
	data := fmt.Sprintf(`{"id":%d,"active":false}`, id)
	event := func(kind string, version int, data string) corruption {
		return corruption{subject, envelope(subject, kind, id, version, data), data}
	}
	const toggled = "clients.v1.ClientToggled"
	wrongSum := event(toggled, 2, data)
	wrongSum.header.Set("ce-checksum", "0123456789abcdef")
	flipped := event(toggled, 2, data)
	flipped.data = fmt.Sprintf(`{"id":%d,"active":true }`, id)
	moved := event(toggled, 2, data)
	moved.subject = fmt.Sprintf("clients.default.%d", id+1000)
	foreign := fmt.Sprintf("clients.other.%d", id)
	created := fmt.Sprintf(`{"id":%d,"name":"x"}`, id)
	return map[string]corruption{
		"wrong checksum":                 wrongSum,
		"flipped bit":                    flipped,
		"another client's event":         moved,
		"version too high":               event(toggled, 3, data),
		"version repeated":               event(toggled, 1, data),
		"second creation":                event("clients.v1.ClientCreated", 2, created),
		"another account's client":       {foreign, envelope(foreign, "clients.v1.ClientCreated", id, 1, created), created},
		"another account's event":        {foreign, envelope(foreign, toggled, id, 2, data), data},
		"body that is no JSON":           event(toggled, 2, `{"id":`),
		"body of another client":         event(toggled, 2, `{"id":999,"active":false}`),
		"event of a newer release":       event("clients.v2.ClientToggled", 2, data),
		"event that nobody has heard of": event("clients.v1.ClientMerged", 2, data),
	}
}

// Reads go on from what was known, marked as such; nothing is written any more; the orchestrator is told.
func TestCorruptionStopsWritesAndReadiness(t *testing.T) {
	t.Parallel()
	for name := range corruptions(0) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := launch(t)
			id, other := a.named("SuprCorp"), a.named("Other")
			before, tap := a.list(""), a.tap()
			c := corruptions(id)[name]
			sequence := tap.publish(c.subject, c.header, c.data)
			eventually(t, "readiness fails", func() bool { return a.ops("/readyz").status == http.StatusServiceUnavailable })
			require.Equal(t, 200, a.ops("/livez").status, "a restart would not help")
			require.Contains(t, a.ops("/readyz").body, fmt.Sprint(sequence))

			for _, p := range []string{"/clients", "/clients.json", path(id), path(other) + ".json"} {
				got := a.want(200, "GET", p, "")
				require.Contains(t, got.header.Get("Warning"), "110", p)
			}
			require.Equal(t, before, a.list(""))
			for _, got := range []answer{
				a.do("POST", "/clients", newClient, asXML),
				a.do("POST", "/clients", newClient, asXML, "Idempotency-Key: 7b0f"),
				a.do("PUT", path(id), "<client><name>x</name></client>", asXML),
				a.do("PUT", path(other), "<client><name>x</name></client>", asXML),
				a.do("POST", togglePath(other), ""),
				a.do("DELETE", path(other), ""),
				a.do("DELETE", path(id), "", acceptJSON),
			} {
				require.Equal(t, http.StatusServiceUnavailable, got.status, got.header)
				require.NotEmpty(t, got.header.Get("Retry-After"))
				require.NotContains(t, got.message(t), "corrupt", "nothing internal")
			}
			require.Equal(t, sequence, tap.lastSequence(), "nothing was appended")
			require.Equal(t, before, a.list(""))
			requireRestartRefused(t, a, sequence)
		})
	}
}

// requireRestartRefused stops the service and starts the program on its data.
func requireRestartRefused(t *testing.T, a *app, sequence uint64) {
	t.Helper()
	dir := a.settings.dataDir
	a.quit()
	code, _, stderr := serveInProcess(t, dir)
	require.Equal(t, 1, code, stderr)
	message := lines(stderr)[len(lines(stderr))-1]
	require.Contains(t, message, "CLIENTS", "it names the stream")
	require.Contains(t, message, fmt.Sprint(sequence), "and the sequence")
}

// serveInProcess runs the program on a data directory and free ports.
func serveInProcess(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runInProcess(t, append([]string{"serve", "--data-dir", dir, "--http-addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0",
		"--embedded-nats-addr", "127.0.0.1:0", "--log-level", "error"}, args...)...)
}
