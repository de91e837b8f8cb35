//go:build upgrade

package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// The service's password is changed as the README of deploy says: that of the user that it does not use, then the replicas one
// by one, then the first user's. No request fails while replicas are replaced, and NATS never rejects a login.
func TestUpgradeOfTheServicesPassword(t *testing.T) {
	t.Parallel()
	servers := natstest.Run(t, 3, withAccounts(t, deployedAccounts))
	require.Zero(t, run(t, []string{"CLIENTS_NATS_URL=" + as("admin", servers.URL())}, "setup", "--sources").code)
	passwords := func(first, second string) func(string) string {
		return strings.NewReplacer(`clients, password: "clients"`, `clients, password: "`+first+`"`, `password: "clients2"`, `password: "`+second+`"`).Replace
	}
	restart := func(first, second string) {
		for i := range servers.Servers {
			servers.Stop(i)
			servers.Change(i, withAccounts(t, deployedAccounts, passwords(first, second)))
			servers.Restart(t, i)
			awaitCurrent(t, servers)
		}
	}
	route, old := &route{}, []*service(nil)
	for range 3 {
		route.add(startReplica(t, binary, []string{"CLIENTS_NATS_URL=" + as("clients", servers.URL())}))
	}
	works := func() { // every stream has a leader again
		for _, s := range route.replicas {
			created := createWhenPossible(t, s)
			eventually(t, func() bool { return s.do(http.MethodDelete, path(created), "").status == http.StatusOK }, "a client can be deleted")
		}
	}
	restart("clients", "changed")
	works()
	load := startLoad(t, route)
	for range 3 {
		route.add(startReplica(t, binary, []string{"CLIENTS_NATS_URL=" + withUser(servers.URL(), "clients2:changed")}))
		load.awaitProgress(t)
		old = append(old, route.removeOldest())
		require.Zero(t, old[len(old)-1].stop(t))
	}
	load.stop(t)
	restart("also-changed", "changed")
	for _, s := range append(old, route.replicas...) {
		require.NotContains(t, strings.ToLower(s.stderr.String()), "authorization")
	}
	works()
}
