package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// A service that stops saves a snapshot, and the next start continues from it with the whole state.
func TestAStartContinuesFromASnapshot(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_LOG_LEVEL=info")
	js := s.administrator(t)
	busy, gone := s.createFrom(everything), s.create("Gone")
	s.want(http.StatusOK, http.MethodDelete, path(gone), "")
	project(t, js, "ProjectCreated", 1, fmt.Sprintf(`"client_id":%d`, busy))
	invoice(t, js, "InvoiceCreated", 1, fmt.Sprintf(`"client_id":%d,"kind":"task"`, busy))
	s.references(busy)
	eventually(t, func() bool { return s.get(busy).LastInvoiceKind != nil }, "the invoice sets the client's defaults")
	before, tag, last := s.list(""), s.want(http.StatusOK, http.MethodGet, "/clients", "").tag(), lastSequence(t, js)
	require.Zero(t, s.stop(t))
	s = s.restart(t)
	require.InDelta(t, last, s.metric("clients_snapshot_sequence"), 0)
	require.Less(t, s.metric("clients_snapshot_age_seconds"), 60.0)
	require.Equal(t, before, s.list(""))
	require.Equal(t, tag, s.want(http.StatusOK, http.MethodGet, "/clients", "").tag())
	s.want(http.StatusNotFound, http.MethodGet, path(gone), "")
	require.Contains(t, s.references(busy), "1 active project and 1 invoice")
	require.Greater(t, s.create("New"), gone)
	js = s.partner(t)
	project(t, js, "ProjectDeleted", 1, "")
	invoice(t, js, "InvoiceDeleted", 1, "")
	s.want(http.StatusOK, http.MethodDelete, path(busy), "")
}

// Without a readable snapshot the whole stream is read. A stream that ends before a snapshot has lost acknowledged writes,
// and the start is refused.
func TestAStartWithoutAReadableSnapshotReadsTheStream(t *testing.T) {
	t.Parallel()
	s := startExternal(t)
	js := s.administrator(t)
	s.createFrom(everything)
	before := s.list("")
	require.Zero(t, s.stop(t))
	snapshots, err := js.Stream(t.Context(), "OBJ_CLIENTS_SNAPSHOTS")
	require.NoError(t, err)
	info, err := snapshots.Info(t.Context())
	require.NoError(t, err)
	require.NoError(t, snapshots.DeleteMsg(t.Context(), info.State.FirstSeq)) // the first chunk
	s = s.again(t)
	require.Contains(t, s.stderr.String(), "snapshot")
	require.Equal(t, before, s.list(""))
	s.create("Another")
	require.Zero(t, s.stop(t))
	require.NoError(t, snapshots.Purge(t.Context()))
	s = s.again(t)
	require.Len(t, s.list(""), 2)
	require.Zero(t, s.stop(t))

	clients, err := js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	require.NoError(t, js.DeleteStream(t.Context(), "CLIENTS"))
	_, err = js.CreateStream(t.Context(), clients.CachedInfo().Config)
	require.NoError(t, err)
	refused := launch(t, s.variables...)
	require.Equal(t, 1, refused.exitCode(t))
	require.Contains(t, refused.stderr.String(), "ends at 0")
}

// The limit is that of the embedded store; external servers report no limit of their storage.
func TestMetricsReportTheUseOfTheStore(t *testing.T) {
	t.Parallel()
	embedded, external := start(t), startExternal(t)
	for _, s := range []*service{embedded, external} {
		s.create("SuprCorp")
		eventually(t, func() bool { return s.metric("clients_storage_used_bytes") > 0 }, "the metric is set")
	}
	require.Less(t, embedded.metric("clients_storage_used_bytes"), embedded.metric("clients_storage_limit_bytes"))
	require.Contains(t, external.operations("/metrics").body, "\nclients_storage_limit_bytes +Inf\n")
}
