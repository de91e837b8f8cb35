package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// A permission that the user of the service lacks is shown by /readyz, the metrics and the log, until it is corrected.
func TestMissingPermissionIsNamed(t *testing.T) {
	t.Parallel()
	const denied = `permission denied by NATS: Publish to "clients.default.`
	deny := func(subjects ...string) func(*server.Options) {
		return func(o *server.Options) {
			permissions := &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{">"}, Deny: subjects}}
			o.Users = []*server.User{{Username: "clients", Password: "secret", Permissions: permissions}}
		}
	}
	cluster := natstest.Run(t, 1, deny())
	s := start(t, "CLIENTS_NATS_URL="+withUser(cluster.URL(), "clients:secret"), "CLIENTS_STREAM_REPLICAS=1")
	s.create("Ann")
	require.Zero(t, s.metric("clients_permission_denied"))

	cluster.Reload(t, 0, deny("clients.>"))
	eventually(t, func() bool {
		require.Equal(t, http.StatusServiceUnavailable, s.do(http.MethodPost, "/clients", `{"client":{"name":"Bob"}}`, asJSON).status)
		return strings.Contains(s.operations("/readyz").body, denied)
	}, "the service is read-only and says why")
	require.InDelta(t, 1, s.metric("clients_permission_denied"), 0)
	require.True(t, s.stderr.contains("Permissions Violation"))

	cluster.Reload(t, 0, deny())
	eventually(t, func() bool {
		return s.do(http.MethodPost, "/clients", `{"client":{"name":"Bob"}}`, asJSON).status == http.StatusCreated
	}, "it needs no restart")
	require.Equal(t, "ok\n", s.operations("/readyz").body)
}
