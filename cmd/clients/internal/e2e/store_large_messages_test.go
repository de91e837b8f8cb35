package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// NATS closes a connection behind which more than max_pending waits. A start, verify, and the reading of other services' events
// request no more at once, however large the messages are.
func TestLargeMessagesAreReadOverOneConnection(t *testing.T) {
	t.Parallel()
	const clients, projects = 480, 40
	servers := natstest.Run(t, 1, func(o *server.Options) { o.MaxPending = 16 << 20 }) // as in deploy and on the embedded server
	s := startReplicas(t, 1, servers.URL(), "CLIENTS_STREAM_REPLICAS=1")[0]
	body := "<client><name>Large</name><details>" + strings.Repeat("x", 64<<10-1) + "</details></client>"
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range clients / 8 {
				if r := s.do(http.MethodPost, "/clients", body, asXML); r.status != http.StatusCreated {
					t.Errorf("status %d: %s", r.status, r.body)
				}
			}
		})
	}
	callers.Wait()
	require.Zero(t, s.stop(t))
	_, js := connect(t, servers.URL())
	snapshots, err := js.Stream(t.Context(), "OBJ_CLIENTS_SNAPSHOTS")
	require.NoError(t, err)
	require.NoError(t, snapshots.Purge(t.Context()))
	for id := range int64(projects) {
		project(t, js, "ProjectCreated", id+1, fmt.Sprintf(`"client_id":1,"notes":"%s"`, strings.Repeat("x", 900<<10)))
	}

	s = s.again(t)
	require.Len(t, s.list(""), clients)
	eventually(t, func() bool { return strings.Contains(s.references(1), fmt.Sprintf("%d active projects", projects)) }, "all events are read")
	verified := run(t, s.variables, "verify")
	require.Zero(t, verified.code, verified.stderr)
	require.Zero(t, servers.Servers[0].NumSlowConsumers(), "connections that were closed")
}
