package partners_test

import (
	"reflect"
	"strings"
	"testing"

	"clients/eventstore/partners"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

func TestAPartnerImportsWhatItsLoginIsFor(t *testing.T) {
	subscriber := partners.Partner{Name: "subscriber"}
	projects := partners.Partner{Name: "projects", Accounts: []string{"acme"}, Sources: []upstream.Stream{upstream.Projects}}
	require.Contains(t, imports(subscriber), "$JS.API.CONSUMER.MSG.NEXT.CLIENTS.*")
	require.NotContains(t, imports(subscriber), "projects.>")
	require.Contains(t, imports(projects), "$JS.API.CONSUMER.MSG.NEXT.CLIENTS.projects+acme")
	require.NotContains(t, imports(projects), "$JS.API.CONSUMER.MSG.NEXT.CLIENTS.*")
	require.Contains(t, imports(projects), "projects.acme.>")
	require.NotContains(t, imports(projects), "invoices.acme.>")
	for _, p := range []partners.Partner{subscriber, projects} {
		require.Contains(t, imports(p), "$JS.API.INFO", "without it the server's own JetStream API shadows the other imports")
		for _, s := range partners.Services(p) {
			if strings.Contains(s.Import, "CREATE") || strings.Contains(s.Import, "DELETE") || strings.Contains(s.Import, "STREAM.INFO") {
				require.True(t, strings.HasPrefix(s.Export, "clients-partners."+p.Name+"."), s.Export)
			}
		}
	}
}

func imports(p partners.Partner) (subjects []string) {
	for _, s := range partners.Services(p) {
		subjects = append(subjects, s.Import)
	}
	return subjects
}

// A field that a later server adds reaches it with the rights of the service: whether a partner may set it has to be decided
// first, and refused in the package if not.
func TestEveryFieldOfAConsumerWasReviewed(t *testing.T) {
	require.Equal(t, []string{
		"durable_name", "name", "description", "deliver_policy", "opt_start_seq", "opt_start_time", "ack_policy", "ack_wait", "max_deliver",
		"backoff", "filter_subject", "filter_subjects", "replay_policy", "rate_limit_bps", "sample_freq", "max_waiting", "max_ack_pending",
		"flow_control", "headers_only", "max_batch", "max_expires", "max_bytes", "deliver_subject", "deliver_group", "idle_heartbeat",
		"inactive_threshold", "num_replicas", "mem_storage", "direct", "sourcing", "metadata", "pause_until", "priority_groups",
		"priority_policy", "priority_timeout",
	}, fieldsOf(reflect.TypeFor[server.ConsumerConfig]()))
	require.Equal(t, []string{"stream_name", "config", "action", "pedantic"}, fieldsOf(reflect.TypeFor[server.CreateConsumerRequest]()))
}

func fieldsOf(t reflect.Type) (names []string) {
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
