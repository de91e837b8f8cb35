package monitoring_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/require"
)

func TestAlerts(t *testing.T) {
	scenarios := maps.Clone(scenarios)
	maps.Copy(scenarios, natsScenarios)
	rules := make(map[string]rulefmt.Rule)
	for _, rule := range alerts(t) {
		rules[rule.Alert] = rule
		fire, doNot := 0, 0
		for _, s := range scenarios[rule.Alert] {
			if s.fires {
				fire++
			} else {
				doNot++
			}
		}
		require.Positive(t, fire, "%s has no scenario in which it fires", rule.Alert)
		require.Positive(t, doNot, "%s has no scenario in which it does not fire", rule.Alert)
	}
	for name, all := range scenarios {
		alert, _, _ := strings.Cut(name, ",")
		rule, there := rules[alert]
		require.True(t, there, name)
		for _, s := range all {
			t.Run(name+"/"+s.name, func(t *testing.T) {
				when, what := fires(t, rule, inFull.Replace(s.scraped))
				require.Equal(t, s.fires, what != "" || when > 0, "after %s for %s", when, what)
			})
		}
	}
}

// An outage of NATS for an hour, reported by two replicas, pages once.
func TestOutageOfNATSPagesOnce(t *testing.T) {
	var outage strings.Builder
	for _, pod := range []string{"a", "b"} {
		for _, stream := range []string{"CLIENTS", "CLIENTS_IDS", "CLIENTS_QUARANTINE", "KV_CLIENTS_KEYS", "OBJ_CLIENTS_SNAPSHOTS", "PROJECTS", "INVOICES"} {
			fmt.Fprintf(&outage, "streamup{pod=%q,stream=%q} 1x10 0x120 1x60\n", pod, stream)
		}
		outage.WriteString(strings.NewReplacer("POD", pod).Replace(`ready{pod="POD"} 1x190
up{pod="POD",job="clients-operations"} 1x190
clients_following{namespace="n",pod="POD"} 1x190
clients_read_only{namespace="n",pod="POD"} 0x190
outcomes{pod="POD",outcome="failed"} 0x10 0+30x120 3600x60
outcomes{pod="POD",outcome="done"} 0+30x10 300+30x180
fence{pod="POD",outcome="failed"} 0x10 0+3x120 360x60
fence{pod="POD",outcome="passed"} 0+3x10 30x120 30+3x60
missing{pod="POD",stream="PROJECTS"} 0x190
missing{pod="POD",stream="INVOICES"} 0x190
last{pod="POD"} 90x10 97x120 99x60
projected{pod="POD"} 90x131 99x60
reflast{pod="POD"} 7x10 8x120 9x60
refread{pod="POD"} 7x131 9x60
`))
	}
	for _, stream := range []string{"CLIENTS", "PROJECTS"} {
		fmt.Fprintf(&outage, "jetstream_stream_last_seq{namespace=\"n\",stream_name=%q,stream_leader=\"nats-1\"} 7x10 stale _x119 7x60\n", stream)
		fmt.Fprintf(&outage, "jetstream_stream_last_seq{namespace=\"n\",stream_name=%q,stream_leader=\"\"} _x11 7x119 stale _x59\n", stream)
	}
	pages := make(map[string]string)
	for _, rule := range alerts(t) {
		if when, what := fires(t, rule, inFull.Replace(outage.String())); when > 0 && rule.Labels["severity"] == "page" {
			pages[rule.Alert] = what
		}
	}
	require.Equal(t, map[string]string{"ClientsStreamDown": `{namespace="n", stream="CLIENTS"}`}, pages)
}
