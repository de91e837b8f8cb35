package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// One command restores in place: it replaces the streams, also where some are missing, and verifies them. It refuses to while
// the service runs. The store is then that of the backup, with another epoch, and a backup of it is complete again.
func TestARestoreReplacesTheStreams(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d servers", servers), func(t *testing.T) {
			t.Parallel()
			cluster := natstest.Run(t, servers)
			settings := []string{"CLIENTS_NATS_URL=" + cluster.URL(), fmt.Sprintf("CLIENTS_STREAM_REPLICAS=%d", servers)}
			s := startReplicas(t, 1, cluster.URL(), settings[1])[0]
			kept := s.createOnce("Kept")
			epoch := s.want(200, "GET", "/clients", "").header.Get("Stream-Epoch")
			folder := filepath.Join(t.TempDir(), "backup")
			require.Zero(t, run(t, settings, "backup", folder).code)
			s.createOnce("Lost")
			s.settle(http.StatusOK, http.MethodPut, path(kept), "<client><name>Changed</name></client>", asXML)

			refused := run(t, settings, "restore", folder, "--replace")
			require.Equal(t, 1, refused.code)
			require.Contains(t, refused.stderr, "the service is running")
			require.Len(t, s.list(""), 2, "nothing was deleted")
			require.Zero(t, s.stop(t))
			js, err := jetstream.New(cluster.Connect(t, 0))
			require.NoError(t, err)
			require.NoError(t, js.DeleteStream(t.Context(), "CLIENTS_QUARANTINE"))

			restored := run(t, settings, "restore", folder, "--replace")
			require.Zero(t, restored.code, restored.stderr)
			require.Contains(t, restored.stdout, "CLIENTS: deleted\n")
			require.NotContains(t, restored.stdout, "CLIENTS_QUARANTINE: deleted")
			require.Contains(t, restored.stdout, "faults     0\n")
			s = s.again(t)
			require.Equal(t, []string{"Kept"}, names(s.list("")))
			require.NotEqual(t, epoch, s.want(200, "GET", "/clients", "").header.Get("Stream-Epoch"))
			s.createOnce("Next")
			require.Zero(t, run(t, settings, "backup", folder+"-2").code)
		})
	}
}

// The server that has restored a stream has a later creation time of it than the others. Another leader is no other stream.
func TestAServiceContinuesWhenTheLeaderOfARestoredStreamChanges(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 3)
	s := startReplicas(t, 1, cluster.URL())[0]
	s.create("Kept")
	settings := []string{"CLIENTS_NATS_URL=" + cluster.URL()}
	folder := filepath.Join(t.TempDir(), "backup")
	require.Zero(t, run(t, settings, "backup", folder).code)
	require.Zero(t, s.stop(t))
	require.Zero(t, run(t, settings, "restore", folder, "--replace").code)
	s = s.again(t)
	nc := cluster.Connect(t, 0)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	led := map[time.Time]bool{}
	eventually(t, func() bool {
		_, _ = nc.Request("$JS.API.STREAM.LEADER.STEPDOWN.CLIENTS", nil, time.Second)
		if stream, err := js.Stream(t.Context(), "CLIENTS"); err == nil {
			led[stream.CachedInfo().Created] = true
		}
		return len(led) > 1
	}, "a server with another creation time leads")
	eventually(t, func() bool { return s.want(200, "GET", "/clients", "").header.Get("Warning") == "" }, "reads are strong again")
	require.Equal(t, http.StatusOK, s.operations("/readyz").status)
}

// A backup with --keep goes to a folder of its own. Old and incomplete ones are deleted, and nothing else.
func TestOldBackupsAreDeleted(t *testing.T) {
	t.Parallel()
	s := start(t)
	parent := filepath.Join(t.TempDir(), "backups")
	const incomplete, notes, early = "20200101T000000.000Z", "notes", "29990101T000000.000Z"
	for _, name := range []string{incomplete, notes, early} {
		require.NoError(t, os.MkdirAll(filepath.Join(parent, name), 0o700))
	}
	var last string
	for range 3 {
		r := run(t, s.variables, "backup", parent, "--keep", "2")
		require.Zero(t, r.code, r.stderr)
		last = r.stdout
	}
	require.Contains(t, last, ": deleted\n")
	entries, err := os.ReadDir(parent)
	require.NoError(t, err)
	var complete, others []string
	for _, entry := range entries {
		if exists(filepath.Join(parent, entry.Name(), "manifest.json")) {
			complete = append(complete, entry.Name())
		} else {
			others = append(others, entry.Name())
		}
	}
	require.Len(t, complete, 2)
	require.Contains(t, last, filepath.Join(parent, complete[1])+": complete\n")
	require.Equal(t, []string{early, notes}, others)
	require.Zero(t, run(t, nil, "restore", filepath.Join(parent, complete[1]), "--data-dir", filepath.Join(t.TempDir(), "data")).code)
	require.Equal(t, 2, run(t, s.variables, "backup", parent, "--keep=-1").code)
}
