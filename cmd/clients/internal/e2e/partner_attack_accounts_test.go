package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// deployedAccounts is the configuration of the accounts in Kubernetes.
const deployedAccounts = "../../../../deploy/kubernetes/components/nats/accounts.conf"

// passwordVariables are what a configuration has in the place of passwords.
var passwordVariables = regexp.MustCompile(`\$([A-Z0-9]+)_PASSWORD`)

// withAccounts is a change for natstest.Run: the server has the accounts and users of a configuration file, with the teams of
// testdata/teams.json. edit may alter its text. A user's password is its name.
func withAccounts(t *testing.T, file string, edit ...func(string) string) func(*server.Options) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	teams := run(t, nil, "setup", "--teams", testTeams(t))
	require.Zero(t, teams.code, teams.stderr)
	text := strings.Replace(string(content), "include ./teams.conf", teams.stdout, 1)
	text = passwordVariables.ReplaceAllStringFunc(text, func(variable string) string {
		return `"` + strings.ToLower(passwordVariables.FindStringSubmatch(variable)[1]) + `"`
	})
	for _, change := range edit {
		changed := change(text)
		require.NotEqual(t, text, changed)
		text = changed
	}
	return func(o *server.Options) {
		var parsed server.Options // of one server alone: accounts have a state
		require.NoError(t, parsed.ProcessConfigString(text))
		o.Accounts, o.Users, o.SystemAccount = parsed.Accounts, parsed.Users, parsed.SystemAccount
		o.JetStreamMaxStore = 24 << 30 // as much as the account may use
	}
}

// testTeams is the file of the teams in tests.
func testTeams(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("testdata/teams.json")
	require.NoError(t, err)
	return path
}

// as returns the URL of servers with the login of a user.
func as(user, url string) string {
	return strings.ReplaceAll(url, "nats://", "nats://"+user+":"+user+"@")
}

// startDeployed runs a service on n servers that have the accounts of deploy/kubernetes, edited, and creates a client.
func startDeployed(t *testing.T, n int, edit ...func(string) string) (*service, *natstest.Cluster) {
	t.Helper()
	servers := natstest.Run(t, n, withAccounts(t, deployedAccounts, edit...))
	replicas := fmt.Sprintf("CLIENTS_STREAM_REPLICAS=%d", n)
	setup := run(t, []string{"CLIENTS_NATS_URL=" + as("admin", servers.URL()), replicas}, "setup", "--sources")
	require.Zero(t, setup.code, setup.stderr)
	s := launch(t, "CLIENTS_NATS_URL="+as("clients", servers.URL()), replicas)
	s.awaitReady(t)
	s.createOnce("SuprCorp")
	return s, servers
}

func TestAttackOnDeployedAccounts(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d servers", n), func(t *testing.T) {
			t.Parallel()
			s, servers := startDeployed(t, n)
			require.Empty(t, attackDeployed(t, servers))
			requireTeamReads(t, s, servers)
			require.Empty(t, spy(t, servers, "crm+default", "crm+default+1", "victim", "subscriber"))
			s.createOnce("Once Ltd")
		})
	}
}

// namesDenied are the lines that deny a partner the consumers of another.
var namesDenied = regexp.MustCompile(`(?m)^ *"\$JS\.API\.CONSUMER\.\*\.CLIENTS\..*$`)

// One import that is too wide is enough for the attack to succeed.
func TestAttackSucceedsOnWiderAccounts(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(string) string{
		"$JS.API.>": func(text string) string {
			return strings.ReplaceAll(text, `"$JS.API.DIRECT.GET.CLIENTS.clients.>"`, `"$JS.API.>"`)
		},
		"the names of others": func(text string) string { return namesDenied.ReplaceAllString(text, `"nothing"`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, servers := startDeployed(t, 1, edit)
			require.NotEmpty(t, attackDeployed(t, servers))
		})
	}
}

// attackDeployed has each partner attack the others and the service.
func attackDeployed(t *testing.T, servers *natstest.Cluster) (changes []string) {
	t.Helper()
	admin, _ := connect(t, as("admin", servers.URL()))
	var attackers []attacker
	for name, sources := range map[string][]string{"projects": {"projects"}, "invoices": {"invoices"}, "subscriber": nil} {
		nc, _ := connect(t, as(name, servers.URL()), silent)
		attackers = append(attackers, attacker{name: name, nc: nc, consumer: name, filter: "clients.>", sources: sources})
	}
	for name, account := range map[string]string{"crm": "default", "desk": "shop"} { // teams of one account
		nc, _ := connect(t, as(name, servers.URL()), silent)
		attackers = append(attackers, attacker{name: name, nc: nc, consumer: name + "+" + account, filter: "clients." + account + ".>"})
	}
	return attack(t, admin, attackers...)
}
