package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// The state of projects and invoices, also of deleted ones, survives snapshots and restarts: an event that is sent again
// changes nothing, and verify finds no difference between the snapshot and the stream.
func TestDeletionsOfProjectsSurviveSnapshotsAndRestarts(t *testing.T) {
	t.Parallel()
	s := start(t)
	const things = 20
	client := s.create("SuprCorp")
	type sent struct{ subject, kind, data, id string }
	var creations []sent
	js := s.partner(t)
	send := func(e sent) {
		publishEvent(t, js, e.subject, e.kind, e.data, "ce-source: /a", "ce-id: "+e.id)
	}
	for n := range things {
		thing, kind := "project", "projects.v1.Project"
		if n%2 > 0 {
			thing, kind = "invoice", "invoices.v1.Invoice"
		}
		subject := fmt.Sprintf("%ss.default.%d", thing, n+1)
		created := sent{subject, kind + "Created", fmt.Sprintf(`{"client_id":%d}`, client), fmt.Sprintf("created-%d", n)}
		send(created)
		send(sent{subject, kind + "Deleted", "{}", fmt.Sprintf("deleted-%d", n)})
		creations = append(creations, created)
	}
	for range 3 {
		require.Zero(t, s.stop(t)) // it saves a snapshot
		s = s.restart(t)
		js = s.partner(t)
		for _, e := range creations {
			send(e)
		}
		s.want(http.StatusOK, http.MethodPost, path(client)+"/toggle", "") // active projects would stand in the way
		s.want(http.StatusOK, http.MethodPost, path(client)+"/toggle", "")
	}
	eventually(t, func() bool { return s.metric("clients_source_duplicates_total") == things }, "they are counted")
	s.want(http.StatusOK, http.MethodDelete, path(client), "")
	require.Zero(t, s.stop(t))
	verified := run(t, []string{"CLIENTS_DATA_DIR=" + s.dataDir}, "verify", "--data-dir", s.dataDir)
	require.Zero(t, verified.code, verified.stdout+verified.stderr)
}
