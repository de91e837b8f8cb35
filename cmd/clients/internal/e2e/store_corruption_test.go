package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// corruptions returns corrupt messages with the envelope of events of client id, which is at version 1.
func corruptions(id int64) map[string]*nats.Msg {
	const toggled, inactive = "clients.v1.ClientToggled", `"active":false`
	subject, other := fmt.Sprintf("clients.default.%d", id), fmt.Sprintf("clients.other.%d", id)
	event := func(kind string, version int, data string) *nats.Msg {
		return envelope(subject, kind, id, version, data)
	}
	valid := func() *nats.Msg { return clientEvent("default", "Toggled", id, 2, inactive) }
	wrongSum, flipped, moved := valid(), valid(), valid()
	wrongSum.Header.Set("ce-checksum", "0123456789abcdef")
	flipped.Data[len(flipped.Data)-1] = ' '
	moved.Subject = fmt.Sprintf("clients.default.%d", id+1000)
	return map[string]*nats.Msg{
		"wrong checksum":           wrongSum,
		"flipped bit":              flipped,
		"another client's event":   moved,
		"version too high":         clientEvent("default", "Toggled", id, 3, inactive),
		"second creation":          clientEvent("default", "Created", id, 2, `"name":"x"`),
		"another account's client": envelope(other, "clients.v1.ClientCreated", id, 1, fmt.Sprintf(`{"id":%d,"name":"x"}`, id)),
		"another account's event":  envelope(other, toggled, id, 2, string(valid().Data)),
		"body that is no JSON":     event(toggled, 2, `{"id":`),
		"body of another client":   event(toggled, 2, `{"id":999,"active":false}`),
		"event of a newer release": event("clients.v2.ClientToggled", 2, string(valid().Data)),
		"type without a version":   event("clients.ClientMerged", 2, string(valid().Data)),
		"unknown event":            event("clients.v1.ClientMerged", 2, string(valid().Data)),
	}
}

// Reads continue from the last state, with a warning; writes and readiness fail; a start is refused with the sequence.
func TestCorruptionStopsWritesAndStarts(t *testing.T) {
	t.Parallel()
	for name := range corruptions(0) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			js := s.administrator(t)
			id, other := s.create("SuprCorp"), s.create("Other")
			before := s.list("")
			sequence := publish(t, js, corruptions(id)[name])
			eventually(t, func() bool { return !s.ready() }, "readiness fails")
			require.Contains(t, s.operations("/readyz").body, fmt.Sprint(sequence))
			require.Equal(t, http.StatusOK, s.operations("/livez").status, "a restart would not help")

			for _, p := range []string{"/clients", "/clients.json", path(id), path(other) + ".json"} {
				require.Contains(t, s.want(http.StatusOK, http.MethodGet, p, "").header.Get("Warning"), "110", p)
			}
			for _, refused := range []response{
				s.do(http.MethodPost, "/clients", `{"client":{"name":"x"}}`, asJSON),
				s.do(http.MethodPost, "/clients", `{"client":{"name":"x"}}`, asJSON, "Idempotency-Key: 7b0f"),
				s.do(http.MethodPut, path(id), `{"client":{"name":"x"}}`, asJSON),
				s.do(http.MethodPut, path(other), `{"client":{"name":"x"}}`, asJSON),
				s.do(http.MethodPost, togglePath(other), ""),
				s.do(http.MethodDelete, path(other), ""),
				s.do(http.MethodDelete, path(id), "", acceptJSON),
			} {
				require.Equal(t, http.StatusServiceUnavailable, refused.status, refused.header)
				require.NotEmpty(t, refused.header.Get("Retry-After"))
				require.NotContains(t, refused.message(t), "corrupt", "nothing internal")
			}
			require.Equal(t, sequence, lastSequence(t, js), "nothing is stored")
			require.Equal(t, before, s.list(""))
			eventually(t, func() bool {
				return s.metric("clients_stream_last_sequence", `stream="CLIENTS"`) > s.metric("clients_projection_sequence")
			}, "the metrics report the lag")

			s.stop(t)
			refused := launch(t, append(s.variables, "CLIENTS_LOG_LEVEL=error")...)
			require.Equal(t, 1, refused.exitCode(t))
			require.Contains(t, refused.stderr.String(), "CLIENTS")
			require.Contains(t, refused.stderr.String(), fmt.Sprintf("clients skip %d --reason TEXT", sequence), "what helps")
		})
	}
}
