package kubernetes_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// The permissions of the service's user suffice for everything that the service does: the log has no violation.
func TestPermissionsSufficeForTheService(t *testing.T) {
	s := startNATS(t)
	out, err := run(t, urlFor("admin", s), "setup", "--sources")
	require.NoError(t, err, out)
	_, admin := connect(t, s, "admin")
	for _, own := range ownStreams {
		require.NoError(t, admin.DeleteStream(t.Context(), own), "the service has to create its own streams")
	}
	first := serve(t, urlFor("clients", s))
	require.Equal(t, 201, first.send(t, "POST", "/clients", `{"client":{"name":"SuprCorp"}}`))
	require.Equal(t, 201, first.send(t, "POST", "/clients", `{"client":{"name":"Once"}}`, "Idempotency-Key: 1"))
	require.Equal(t, 200, first.send(t, "PUT", "/clients/1", `{"client":{"details":"x"}}`))
	require.Equal(t, 200, first.send(t, "GET", "/clients", ""))

	_, projects := connect(t, s, "projects")
	publish(t, projects, "projects.default.1", "projects.v1.ProjectCreated", `{"id":1,"client_id":1}`)
	_, invoices := connect(t, s, "invoices")
	publish(t, invoices, "invoices.default.1", "invoices.v1.InvoiceCreated", `{"id":1,"client_id":1,"kind":"task"}`)
	publish(t, invoices, "invoices.default.2", "invoices.v1.InvoiceCreated", `not one`)
	require.Equal(t, 400, first.send(t, "DELETE", "/clients/1", ""))
	require.Equal(t, 400, first.send(t, "POST", "/clients/1/toggle", ""))
	publish(t, projects, "projects.default.1", "projects.v1.ProjectDeleted", `{"id":1}`)
	publish(t, invoices, "invoices.default.1", "invoices.v1.InvoiceDeleted", `{"id":1}`)
	require.Equal(t, 200, first.send(t, "DELETE", "/clients/1", ""))

	for _, args := range [][]string{
		{"quarantine", "list"}, {"quarantine", "show", "1"}, {"quarantine", "drop", "1"}, {"verify"}, {"setup"}, {"events"}, {"events", "--client", "1"}, {"export"},
	} {
		out, err := run(t, urlFor("clients", s), args...)
		require.NoError(t, err, "%s: %s", args, out)
	}
	out, err = run(t, urlFor("clients", s), "erase", "1", "--account", "default")
	require.Error(t, err, "the service's user may not delete messages of CLIENTS")
	require.Contains(t, out, "permission denied")
	out, err = run(t, urlFor("admin", s), "erase", "1", "--account", "default")
	require.NoError(t, err, out)
	second := serve(t, urlFor("clients2", s)) // as after a change of the password, while replicas are replaced
	require.NotContains(t, first.stop(t), "violation")
	require.Equal(t, 201, second.send(t, "POST", "/clients", `{"client":{"name":"Once"}}`, "Idempotency-Key: 1"), "the first response again")
	require.Equal(t, 404, second.send(t, "GET", "/clients/1", ""))
	for range 3 { // snapshots, so that old ones are removed
		require.Equal(t, 200, second.send(t, "PUT", "/clients/2", fmt.Sprintf(`{"client":{"details":%q}}`, time.Now())))
		require.NotContains(t, second.stop(t), "violation")
		second = serve(t, urlFor("clients2", s))
	}
	require.NotContains(t, second.stop(t), "violation")
	snapshots, err := admin.Stream(t.Context(), "OBJ_CLIENTS_SNAPSHOTS")
	require.NoError(t, err)
	require.Less(t, snapshots.CachedInfo().State.Msgs, uint64(10), "five snapshots of two messages or more were saved; old ones have to be removed")
}

func publish(t *testing.T, js jetstream.JetStream, subject, kind, data string) {
	t.Helper()
	_, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: subject, Data: []byte(data), Header: nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {kind + subject}, "ce-type": {kind},
	}})
	require.NoError(t, err)
}

// ownStreams are the streams that the service creates.
var ownStreams = []string{"CLIENTS", "CLIENTS_IDS", "CLIENTS_QUARANTINE", "KV_CLIENTS_KEYS", "OBJ_CLIENTS_SNAPSHOTS"}

// The service cannot alter streams. Requests of partners do not reach the streams, see isolation_test.go.
func TestOnlyAnAdministratorAltersStreams(t *testing.T) {
	s := startNATS(t)
	out, err := run(t, urlFor("admin", s), "setup", "--sources")
	require.NoError(t, err, out)
	exceptions := []string{"PURGE.OBJ_CLIENTS_SNAPSHOTS", "MSG.DELETE.CLIENTS_QUARANTINE"}
	nc, _ := connect(t, s, "clients")
	for _, stream := range append([]string{"PROJECTS", "INVOICES", "MINE"}, ownStreams...) {
		for _, call := range []string{"DELETE", "PURGE", "UPDATE", "MSG.DELETE", "RESTORE", "SNAPSHOT", "LEADER.STEPDOWN", "PEER.REMOVE"} {
			require.Equal(t, slices.Contains(exceptions, call+"."+stream), allowed(t, nc, "$JS.API.STREAM."+call+"."+stream), "%s %s", call, stream)
		}
		require.Equal(t, slices.Contains(ownStreams, stream), allowed(t, nc, "$JS.API.STREAM.CREATE."+stream), stream)
	}
	for _, subject := range []string{"projects.default.1", "invoices.default.1", "_INBOX.x", "_INBOX_clients.x", "_R_.x", "$SYS.REQ.SERVER.PING", "x"} {
		require.False(t, allowed(t, nc, subject), subject)
	}
}

// The user backup makes a backup of all streams while the service runs, and alters none.
func TestTheBackupUserReadsAndAltersNothing(t *testing.T) {
	d := deploy(t, startNATS(t))
	folder := t.TempDir()
	for range 2 {
		out, err := run(t, urlFor("backup", d.server()), "backup", folder, "--sources", "--keep=1")
		require.NoError(t, err, out)
	}
	made, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, made, 1)
	nc, _ := connect(t, d.server(), "backup")
	for _, stream := range append([]string{"PROJECTS", "INVOICES", "MINE"}, ownStreams...) {
		for _, call := range []string{"DELETE", "PURGE", "UPDATE", "CREATE", "MSG.DELETE", "RESTORE", "LEADER.STEPDOWN", "PEER.REMOVE"} {
			require.False(t, allowed(t, nc, "$JS.API.STREAM."+call+"."+stream), "%s %s", call, stream)
		}
	}
	for _, subject := range []string{"clients.default.1", "client-ids", "$KV.CLIENTS_KEYS.x", "projects.default.1", "clients-control.x", "$JS.API.CONSUMER.CREATE.CLIENTS.x", "x"} {
		require.False(t, allowed(t, nc, subject), subject)
	}
	out, err := run(t, urlFor("admin", startNATS(t)), "restore", filepath.Join(folder, made[0].Name()), "--replace")
	require.NoError(t, err, out)
}

// A request that creates an existing stream with other settings alters nothing.
func TestCreatingAnExistingStreamDoesNotAlterIt(t *testing.T) {
	s := startNATS(t)
	out, err := run(t, urlFor("admin", s), "setup")
	require.NoError(t, err, out)
	_, js := connect(t, s, "clients")
	for _, name := range ownStreams {
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{"clients.>"}, MaxMsgs: 1})
		require.ErrorIs(t, err, jetstream.ErrStreamNameAlreadyInUse)
	}
}

// allowed reports whether a user may publish to a subject. The message that it publishes is invalid everywhere.
func allowed(t *testing.T, nc *nats.Conn, subject string) bool {
	t.Helper()
	denied := make(chan struct{}, 1)
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if strings.Contains(err.Error(), subject) {
			select {
			case denied <- struct{}{}:
			default:
			}
		}
	})
	require.NoError(t, nc.Publish(subject, []byte("{")))
	require.NoError(t, nc.Flush())
	select {
	case <-denied:
		return false
	case <-time.After(200 * time.Millisecond): // the server's error arrived before the flush returned; only its handler may run later
		return true
	}
}
