package auth_test

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"clients/transport/auth"
	"clients/transport/credentials"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// gate is a Login with the folder of its users.
type gate struct {
	*auth.Login
	t        *testing.T
	dir      string
	folder   *credentials.Folder
	change   func() // called once, after the first look at the users
	registry *prometheus.Registry
	log      strings.Builder
}

// newGate returns a gate for users, each "account/name:password".
func newGate(t *testing.T, users ...string) *gate {
	t.Helper()
	g := &gate{t: t, dir: t.TempDir(), registry: prometheus.NewRegistry()}
	g.write(users...)
	var err error
	g.folder, err = credentials.Open(g.dir)
	require.NoError(t, err)
	g.Login = auth.NewLogin(g, auth.NewMetrics(g.registry), slog.New(slog.NewTextHandler(&g.log, nil)))
	return g
}

// write replaces the users of the folder. A user with an unchanged password keeps the hash.
func (g *gate) write(users ...string) {
	g.t.Helper()
	files := map[string]string{}
	for _, user := range users {
		account, rest, _ := strings.Cut(user, "/")
		name, password, _ := strings.Cut(rest, ":")
		hash := g.hashOf(name)
		if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil {
			fresh, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
			require.NoError(g.t, err)
			hash = string(fresh)
		}
		files[account+".htpasswd"] += name + ":" + hash + "\n"
	}
	old, err := filepath.Glob(filepath.Join(g.dir, "*"))
	require.NoError(g.t, err)
	for _, file := range old {
		require.NoError(g.t, os.Remove(file))
	}
	for file, content := range files {
		require.NoError(g.t, os.WriteFile(filepath.Join(g.dir, file), []byte(content), 0o600))
	}
}

func (g *gate) hashOf(name string) string {
	if g.folder == nil {
		return ""
	}
	return g.folder.Find(name).Hash
}

// reload replaces the users and loads them.
func (g *gate) reload(users ...string) {
	g.t.Helper()
	g.write(users...)
	changed, err := g.folder.Reload()
	require.NoError(g.t, err)
	require.True(g.t, changed)
}

// Find implements auth.Users.
func (g *gate) Find(name string) credentials.User {
	user := g.folder.Find(name)
	if change := g.change; change != nil {
		g.change = nil
		change()
	}
	return user
}

// try logs in from an address.
func (g *gate) try(name, password, remote string) (credentials.User, error) {
	request := &http.Request{Header: http.Header{}}
	request.SetBasicAuth(name, password)
	return g.Check(request, remote)
}

// admits requires that the user is logged in to an account.
func (g *gate) admits(account, name, password string) {
	g.t.Helper()
	user, err := g.try(name, password, here)
	require.NoError(g.t, err, name)
	require.Equal(g.t, account, user.Account)
	require.Equal(g.t, name, user.Name)
}

// refuses requires that the password is wrong.
func (g *gate) refuses(name, password string) {
	g.t.Helper()
	_, err := g.try(name, password, here)
	require.ErrorIs(g.t, err, auth.ErrLogin, "%s with %s", name, password)
}

// ended returns the number of logins with one of the outcomes.
func (g *gate) ended(outcomes ...string) (n int) {
	g.t.Helper()
	families, err := g.registry.Gather()
	require.NoError(g.t, err)
	for _, family := range families {
		if family.GetName() != "clients_logins_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			if slices.Contains(outcomes, metric.GetLabel()[0].GetValue()) {
				n += int(metric.GetCounter().GetValue())
			}
		}
	}
	return n
}

// verifications returns how often bcrypt ran.
func (g *gate) verifications() int { return g.ended("verified", "refused") }

// occupy takes all slots until the returned function is called.
func (g *gate) occupy() (release func()) {
	free := make(chan struct{})
	g.Occupy(0, free)
	synctest.Wait()
	return func() { close(free) }
}

const here = "192.0.2.1:1000"
