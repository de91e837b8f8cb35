package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// tenant is a user of an account of its own on the service that tests share.
type tenant struct {
	*client
	account string
	service *service
	js      jetstream.JetStream // of the administrator
}

// sharing is the service that tests share. It is started for the first of them.
var sharing struct {
	dir      string // for its data and its logins
	begin    sync.Once
	service  *service
	accounts atomic.Int64 // that tests have
}

// sharedAccounts is how many tests can have an account.
const sharedAccounts = 400

// shared returns a new account of a service that runs until all tests have ended. Its settings are the defaults, with
// logins. Ids of clients and sequences of the stream are not the test's own, and neither are the metrics.
func shared(t *testing.T) *tenant {
	t.Helper()
	sharing.begin.Do(func() { startShared(t) })
	s := sharing.service
	require.NotNil(t, s, "the shared service did not start")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the shared service wrote\n%s%s", &s.stdout, &s.stderr)
		}
	})
	n := sharing.accounts.Add(1)
	require.LessOrEqual(t, n, int64(sharedAccounts))
	account := fmt.Sprintf("account-%d", n)
	return &tenant{client: s.client.on(t).as(account + ":right"), account: account, service: s, js: s.administrator(t)}
}

// startShared starts the service with a user in each account: all have the same password.
func startShared(t *testing.T) {
	t.Helper()
	credentials, data := filepath.Join(sharing.dir, "credentials"), filepath.Join(sharing.dir, "data")
	require.NoError(t, os.Mkdir(credentials, 0o700))
	line := htpasswd(t, 4, "account:right")[len("account"):]
	for n := range sharedAccounts {
		account := fmt.Sprintf("account-%d", n+1)
		require.NoError(t, os.WriteFile(filepath.Join(credentials, account+".htpasswd"), []byte(account+line), 0o600))
	}
	s, err := execute(binary, sharing.dir, []string{
		"CLIENTS_DATA_DIR=" + data, "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0", "CLIENTS_CREDENTIALS_DIR=" + credentials,
	})
	require.NoError(t, err)
	s.dataDir = data
	s.awaitReady(t)
	sharing.service = s
}

// runAndEndShared runs the tests, and requires of the service that they shared, if any, that each event that it stored is as
// AsyncAPI says, and that it ends without an error.
func runAndEndShared(m *testing.M, dir string) int {
	sharing.dir = dir
	code := m.Run()
	s := sharing.service
	if s == nil {
		return code
	}
	everyEvent := testing.InternalTest{Name: "EveryStoredEventIsAsAsyncAPISays", F: func(t *testing.T) {
		c := readAsyncAPI(t, s.on(t).at(s.ops).read)
		for _, e := range events(t, s.administrator(t), "clients.>") {
			c.validEvent(e)
		}
	}}
	if code == 0 && !testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{everyEvent}) {
		code = 1
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	<-s.exited
	if ended := s.cmd.ProcessState.ExitCode(); ended != 0 {
		fmt.Fprintf(os.Stderr, "the shared service exited with %d:\n%s%s", ended, &s.stdout, &s.stderr)
		return 1
	}
	return code
}

// stored returns how many messages of the account CLIENTS holds: a request that changes the number has stored something.
func (a *tenant) stored() int {
	a.t.Helper()
	return count(a.t, a.js, "*."+a.account+".>")
}

// events returns the account's events, up to the present end of CLIENTS.
func (a *tenant) events() []event {
	a.t.Helper()
	return events(a.t, a.js, "clients."+a.account+".>")
}

// project publishes an event about a project of the account, and returns when JetStream has acknowledged it.
func (a *tenant) project(kind string, id int64, attributes string, headers ...string) {
	a.t.Helper()
	a.publish("projects.%s.%d", "projects.v1."+kind, id, attributes, headers)
}

// invoice is project for an invoice.
func (a *tenant) invoice(kind string, id int64, attributes string, headers ...string) {
	a.t.Helper()
	a.publish("invoices.%s.%d", "invoices.v1."+kind, id, attributes, headers)
}

func (a *tenant) publish(subject, kind string, id int64, attributes string, headers []string) {
	a.t.Helper()
	publishEvent(a.t, a.js, fmt.Sprintf(subject, a.account, id), kind, fmt.Sprintf(`{"id":%d,%s}`, id, attributes), headers...)
}
