package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Headers that have the server do something beside storing a message, in what a partner publishes.
var commands = [][]string{
	{"Nats-Trace-Dest", "client-ids"}, {"Nats-Trace-Dest", "$JS.API.STREAM.DELETE.CLIENTS"}, {"Nats-Trace-Dest", "clients.default.1", "Nats-Trace-Only", "1"},
	{"Nats-Rollup", "all"}, {"Nats-Rollup", "sub"}, {"Nats-TTL", "1s"}, {"Nats-Incr", "+1"}, {"Nats-Stream-Source", "CLIENTS 1"},
	{"Nats-Schedule", "@at 2020-01-01T00:00:00Z", "Nats-Schedule-Target", "clients.default.1"}, {"Nats-Schedule", "@every 1s", "Nats-Schedule-Target", "projects.default.1"},
	{"Nats-Batch-Id", "x", "Nats-Batch-Sequence", "1", "Nats-Batch-Commit", "1"}, {"Nats-Request-Info", `{"acc":"$SYS"}`}, {"Quarantine-Stream", "CLIENTS"},
}

// They have no effect, neither when a message is stored nor when the service copies it to the quarantine.
func TestHeadersOfPartnersHaveNoEffect(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.create("SuprCorp")
	admin := s.administrator(t).Conn()
	nc, _ := connect(t, s.nats, silent)
	first := request(t, nc, "projects.default.1", "not an event")
	require.Contains(t, first, `"seq":1`)
	before := observe(t, admin)
	for _, headers := range commands {
		require.NoError(t, nc.PublishMsg(message("projects.default.1", "not an event", headers...)))
	}
	last := request(t, nc, "projects.default.1", "not an event")
	var ack struct{ Seq int }
	decodeReply(t, last, &ack)
	eventually(t, func() bool { return s.metric("clients_quarantined_total") == float64(ack.Seq) }, "all that was stored is in quarantine")
	for what, now := range observe(t, admin) {
		internal := strings.HasPrefix(what, "message") && strings.Contains(now, `"subject":"client-references.`)
		sources := strings.HasSuffix(what, " PROJECTS") || strings.HasSuffix(what, " CLIENTS_QUARANTINE") || what == "state of CLIENTS"
		if was, there := before[what]; was != now && !internal && !sources {
			t.Errorf("%s: was %q (%t), is %s", what, was, there, now)
		}
	}
	for sequence := range ack.Seq {
		require.NotContains(t, request(t, admin, "$JS.API.STREAM.MSG.GET.PROJECTS", fmt.Sprintf(`{"seq":%d}`, sequence+1)), `"error"`, "nothing was rolled up")
	}
}
