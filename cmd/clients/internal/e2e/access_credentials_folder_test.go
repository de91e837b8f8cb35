package e2e_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each fault of a folder of credentials is reported on a line of its own, without the content of the files.
func TestEachInvalidLineOfCredentialsIsReported(t *testing.T) {
	t.Parallel()
	ann, bob := htpasswd(t, 4, "ann:right"), htpasswd(t, 4, "bob:right")
	for name, c := range map[string]struct {
		content files
		faults  []string // how the lines begin behind the setting
	}{
		"nothing":                   {files{}, []string{"no <account>.htpasswd file holds a user"}},
		"no user":                   {files{"shop.htpasswd": "# nobody\n", ".htpasswd": ann, "shop.txt": ann}, []string{"no <account>.htpasswd file holds a user"}},
		"a user in two files":       {files{"shop.htpasswd": ann, "other.htpasswd": bob + ann}, []string{`user "ann" is in other.htpasswd and in shop.htpasswd`}},
		"a user twice in a file":    {files{"shop.htpasswd": ann + ann}, []string{""}},
		"an account with a dot":     {files{"shop.old.htpasswd": ann}, []string{"shop.old.htpasswd"}},
		"an account of 64 letters":  {files{strings.Repeat("a", 64) + ".htpasswd": ann}, []string{strings.Repeat("a", 64)}},
		"an account with no name":   {files{"_.htpasswd": ann}, []string{"_.htpasswd"}},
		"a hash that is not bcrypt": {files{"shop.htpasswd": "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="}, []string{"shop.htpasswd, line 1: it is not <user>:<bcrypt hash>, as htpasswd"}},
		"several faults": {files{"Shop.htpasswd": ann, "ok.htpasswd": bob + "cid:secret\neve:$apr1$secret"},
			[]string{`Shop.htpasswd: "Shop"`, "ok.htpasswd, line 2: ", "ok.htpasswd, line 3: "}},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		r := run(t, []string{"CLIENTS_CREDENTIALS_DIR=" + newSecret(t, c.content).dir, "CLIENTS_DATA_DIR=" + dir}, "serve")
		require.Equal(t, 2, r.code, name)
		require.Empty(t, r.stdout, name)
		lines := linesOf(r.stderr)
		require.Len(t, lines, len(c.faults), "%s: %s", name, r.stderr)
		for i, fault := range c.faults {
			require.Contains(t, lines[i], "CLIENTS_CREDENTIALS_DIR: "+fault, name)
		}
		require.NotContains(t, r.stderr, "secret", name)
		require.NotContains(t, r.stderr, "5en6G6", name)
		require.NoDirExists(t, dir, name)
	}
}

// A Secret changes while the service runs. Removed users lose access within seconds. While it is invalid, new users cannot log
// in, and users whose line was removed or is invalid have no access.
func TestChangedCredentialsApplyWithinSeconds(t *testing.T) {
	t.Parallel()
	ann, bob, cid := htpasswd(t, 4, "ann:right"), htpasswd(t, 4, "bob:right"), htpasswd(t, 4, "cid:right")
	long := strings.Repeat("a", 63) + ".htpasswd"
	secret := newSecret(t, files{"shop.htpasswd": ann + bob, long: cid, "README": "not for the service"})
	s := start(t, "CLIENTS_CREDENTIALS_DIR="+secret.dir, "CLIENTS_HTTP_ADDR=0.0.0.0:0") // with logins the API may listen anywhere
	const p = "/clients.json"
	reads := func(login, body string) {
		t.Helper()
		require.Contains(t, s.as(login).want(200, "GET", p, "").body, body, login)
	}
	refused := func(logins ...string) {
		t.Helper()
		for _, login := range logins {
			s.as(login).want(401, "GET", p, "")
		}
	}
	becomes := func(login string, status int) {
		t.Helper()
		eventually(t, func() bool { return s.as(login).do("GET", p, "").status == status }, login)
	}
	stale := func(want float64) {
		t.Helper()
		eventually(t, func() bool { return s.metric("clients_files_stale", `files="credentials"`) == want }, "the folder was read")
	}
	refused("", "ann:wrong")
	s.as("ann:right").create("SuprCorp")
	reads("bob:right", "SuprCorp")
	reads("cid:right", "[]")

	secret.swap(files{"shop.htpasswd": bob})
	becomes("ann:right", 401)
	reads("bob:right", "SuprCorp")

	secret.swap(files{"shop.htpasswd": htpasswd(t, 4, "bob:changed"), "new.htpasswd": ann})
	becomes("bob:changed", 200)
	refused("bob:right")
	becomes("ann:right", 200)
	reads("ann:right", "[]") // of the other account

	secret.swap(files{"shop.htpasswd": "bob:plain-text-password", "new.htpasswd": ann, "other.htpasswd": cid})
	stale(1)
	eventually(t, func() bool { return s.stderr.contains("shop.htpasswd, line 1") }, "it is logged")
	refused("bob:changed", "bob:plain-text-password", "cid:right")
	reads("ann:right", "[]")
	secret.swap(files{"shop.htpasswd": ann + bob, "new.htpasswd": ann, "other.htpasswd": cid})
	eventually(t, func() bool { return s.stderr.contains(`user \"ann\" is in`) }, "it is logged")
	stale(1)
	reads("ann:right", "[]") // the user keeps the account
	refused("bob:right", "cid:right")

	secret.swap(files{"shop.htpasswd": bob})
	stale(0)
	reads("bob:right", "SuprCorp")
	refused("bob:changed", "ann:right")
	require.Equal(t, 2, strings.Count(s.stderr.String(), "reload failed"), "each fault is logged once")
	require.NotContains(t, s.stderr.String(), "plain-text-password")
}
