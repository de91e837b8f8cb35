package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// onceKey is the key of a write that is sent before the backup and after the restore.
const onceKey = "Idempotency-Key: sent before and after"

// startUsed runs a service with all kinds of stored data: the client needed has a project and an invoice.
func startUsed(t *testing.T) (s *service, needed int64) {
	t.Helper()
	s = start(t)
	needed = s.create("Needed")
	gone := s.create("Gone")
	s.update(needed, "<details>x</details>")
	s.create("Once", onceKey)
	s.want(http.StatusOK, http.MethodDelete, path(gone), "")
	js := s.partner(t)
	project(t, js, "ProjectCreated", 1, fmt.Sprintf(`"client_id":%d`, needed))
	invoice(t, js, "InvoiceCreated", 1, fmt.Sprintf(`"client_id":%d,"kind":"task"`, needed))
	project(t, js, "ProjectCreated", 2, `"client_id":99999`)
	s.references(needed)
	require.Zero(t, s.stop(t)) // it saves a snapshot
	return s.restart(t), needed
}

func backup(t *testing.T, s *service) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "backup")
	r := run(t, s.variables, "backup", folder)
	require.Zero(t, r.code, r.stderr)
	require.Contains(t, r.stdout, "CLIENTS: ")
	return folder
}

// destinations are the kinds of stores to which a backup can be restored. Each restores a folder and returns a service on it.
var destinations = map[string]func(t *testing.T, folder string) *service{
	"data directory": func(t *testing.T, folder string) *service {
		dir := filepath.Join(t.TempDir(), "data")
		r := run(t, nil, "restore", folder, "--data-dir", dir)
		require.Zero(t, r.code, r.stderr)
		return startIn(t, dir)
	},
	"three servers": func(t *testing.T, folder string) *service {
		url := natstest.Run(t, 3).URL()
		r := run(t, nil, "restore", folder, "--nats-url", url)
		require.Zero(t, r.code, r.stderr)
		return startReplicas(t, 1, url)[0]
	},
}

func TestARestoreIsComplete(t *testing.T) {
	t.Parallel()
	s, needed := startUsed(t)
	folder := backup(t, s)
	want, history := s.list(""), events(t, s.administrator(t), "clients.>")
	last := lastSequence(t, s.administrator(t))
	s.create("After the backup")
	for name, restore := range destinations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := restore(t, folder)
			require.Equal(t, want, r.list(""))
			js := r.administrator(t)
			require.Equal(t, history, events(t, js, "clients.>")[:len(history)])
			require.GreaterOrEqual(t, lastSequence(t, js), last)
			require.Contains(t, r.references(needed), "1 active project and 1 invoice")
			once := r.settle(http.StatusCreated, http.MethodPost, "/clients", `{"client":{"name":"Once"}}`, asJSON, onceKey)
			require.EqualValues(t, 3, once.id(t), "the first response")
			require.Greater(t, r.createOnce("New"), int64(3))
			require.Equal(t, "unknown-client", r.deadLetters()[0].Reason)
			verify(t, r.variables).requireFaults(t)
		})
	}
}
