package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// requireReplaced waits until a service has detected that its stream was replaced. It serves its last state and refuses
// writes.
func requireReplaced(t *testing.T, s *service, known, ids []int64) {
	t.Helper()
	eventually(t, func() bool { return s.operations("/readyz").status == http.StatusServiceUnavailable }, "readiness fails")
	require.Contains(t, s.operations("/readyz").body, "CLIENTS was replaced while the service ran: restart the service")
	require.Equal(t, 200, s.operations("/livez").status)
	for _, id := range known {
		require.Contains(t, s.want(200, "GET", path(id), "").header.Get("Warning"), "110")
	}
	for _, id := range ids {
		for _, request := range [][2]string{{"POST", "/clients"}, {"PUT", path(id)}, {"POST", togglePath(id)}, {"DELETE", path(id)}} {
			r := s.want(503, request[0], request[1], "<client><name>x</name></client>", asXML)
			require.NotContains(t, r.message(t), "replaced", "nothing internal")
		}
	}
}

func TestAStreamThatIsCreatedAgainStopsTheService(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("SuprCorp")
	js := s.administrator(t)
	stream, err := js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	require.NoError(t, js.DeleteStream(t.Context(), "CLIENTS"))
	stream, err = js.CreateStream(t.Context(), stream.CachedInfo().Config)
	require.NoError(t, err)
	requireReplaced(t, s, []int64{id}, []int64{id})
	project(t, js, "ProjectCreated", 7, fmt.Sprintf(`"client_id":%d`, id))
	s.want(503, "DELETE", path(id), "")
	info, err := stream.Info(t.Context())
	require.NoError(t, err)
	require.Zero(t, info.State.LastSeq, "nothing is stored")
	s.stop(t)
	refused := launch(t, s.variables...)
	require.Equal(t, 1, refused.exitCode(t), "acknowledged writes are lost")
}

// A copy of the stream's files has the stream's creation time. A replica that has read the stream beyond the copy detects it.
// After a restart a replica reads the copy, and again the events of other services since then.
func TestARestoredCopyStopsTheServiceUntilItsRestart(t *testing.T) {
	t.Parallel()
	servers := natstest.Run(t, 1)
	begin := func() *service { return startReplicas(t, 1, servers.URL(), "CLIENTS_STREAM_REPLICAS=1")[0] }
	s := begin()
	nc, js := connect(t, servers.URL())
	kept := s.create("Kept")
	dir := filepath.Join(servers.StoreDir(0), server.JetStreamStoreDir, "$G", "streams", "CLIENTS")
	copied := t.TempDir()
	restart := func(work func()) {
		servers.Stop(0)
		work()
		servers.Restart(t, 0)
		eventually(t, nc.IsConnected, "the connection is back")
	}
	restart(func() { require.NoError(t, os.CopyFS(copied, os.DirFS(dir))) })
	var lost int64
	eventually(t, func() bool {
		r := s.do("POST", "/clients", suprCorp, asXML)
		if r.status == 201 {
			lost = r.id(t)
		}
		return lost != 0
	}, "the service is connected again")
	project(t, js, "ProjectCreated", 7, fmt.Sprintf(`"client_id":%d`, kept))
	s.want(400, "DELETE", path(kept), "")
	putBack := func() {
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.CopyFS(dir, os.DirFS(copied)))
	}
	restart(putBack)
	requireReplaced(t, s, []int64{kept, lost}, []int64{kept})
	s.stop(t)

	s = begin()
	require.Len(t, s.list(""), 1, "and no snapshot of what is lost was saved")
	require.Contains(t, s.want(400, "DELETE", path(kept), "").message(t), "1 active project")
	require.Greater(t, s.create("Next"), lost, "the counter goes on")

	require.Zero(t, s.stop(t)) // which saves a snapshot
	restart(putBack)
	refused := launch(t, s.variables...)
	require.Equal(t, 1, refused.exitCode(t))
	require.Contains(t, refused.stderr.String(), "ends before a sequence that it had already reached")
	require.NoError(t, js.DeleteStream(t.Context(), "OBJ_CLIENTS_SNAPSHOTS"))
	s = begin()
	require.Len(t, s.list(""), 1)
	require.Contains(t, s.want(400, "DELETE", path(kept), "").message(t), "1 active project")
}
