package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A folder of credentials that cannot be used is refused at start. When it becomes so later, no new user gets in, and a
// user whose line is gone is out.
func TestCredentialsFolder(t *testing.T) {
	t.Parallel()
	ann, bob, cid := htpasswd(t, 4, "ann:right"), htpasswd(t, 4, "bob:right"), htpasswd(t, 4, "cid:right")
	write := func(dir string, files map[string]string) {
		for name, content := range files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
		}
	}
	for name, files := range map[string]map[string]string{
		"a user in two files":       {"shop.htpasswd": ann, "other.htpasswd": bob + ann},
		"a user twice in a file":    {"shop.htpasswd": ann + ann},
		"an account in capitals":    {"Shop.htpasswd": ann},
		"an account with a dot":     {"shop.old.htpasswd": ann},
		"an account of 64 letters":  {strings.Repeat("a", 64) + ".htpasswd": ann},
		"an account with no name":   {"_.htpasswd": ann},
		"a hash that is not bcrypt": {"shop.htpasswd": "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="},
		"no user":                   {"shop.htpasswd": "# nobody\n", ".htpasswd": ann, "shop.txt": ann},
	} {
		dir := t.TempDir()
		write(dir, files)
		r := run(t, []string{"CLIENTS_CREDENTIALS_DIR=" + dir, "CLIENTS_DATA_DIR=" + filepath.Join(dir, "data")}, "serve")
		require.Equal(t, 2, r.code, name)
		require.Contains(t, r.stderr, "CLIENTS_CREDENTIALS_DIR", name)
		require.NoDirExists(t, filepath.Join(dir, "data"), name)
	}

	dir := t.TempDir()
	write(dir, map[string]string{"shop.htpasswd": ann + bob, strings.Repeat("a", 63) + ".htpasswd": cid})
	s := start(t, "CLIENTS_CREDENTIALS_DIR="+dir)
	for _, name := range []string{"ann", "bob", "cid"} {
		s.as(name+":right").want(200, "GET", "/clients", "")
	}
	s.as("ann:right").create("SuprCorp")
	require.Equal(t, "[]", s.as("cid:right").want(200, "GET", "/clients.json", "").body, "another account")

	write(dir, map[string]string{"shop.htpasswd": ann, "other.htpasswd": ann + htpasswd(t, 4, "new:right")})
	eventually(t, func() bool { return s.metric("clients_files_stale", `files="credentials"`) == 1 }, "the folder is seen to be wrong")
	require.Contains(t, s.as("ann:right").want(200, "GET", "/clients.json", "").body, "SuprCorp", "ann keeps her account")
	s.as("cid:right").want(200, "GET", "/clients", "")
	s.as("bob:right").want(401, "GET", "/clients", "")
	s.as("new:right").want(401, "GET", "/clients", "")

	write(dir, map[string]string{"shop.htpasswd": bob})
	eventually(t, func() bool { return s.metric("clients_files_stale", `files="credentials"`) == 0 }, "the folder is whole again")
	require.Equal(t, "[]", s.as("ann:right").want(200, "GET", "/clients.json", "").body, "ann has moved")
	require.Contains(t, s.as("bob:right").want(200, "GET", "/clients.json", "").body, "SuprCorp")
	s.as("new:right").want(200, "GET", "/clients", "")
}
