package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clients/cmd/clients/internal/config"
	"clients/transport/credentials"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// secret is a folder as Kubernetes mounts a Secret: links into a folder that is itself a link, which is swapped at once
// when the Secret changes.
type secret struct {
	t      *testing.T
	dir    string
	mounts int
}

// files are the content of a secret.
type files map[string]string

func newSecret(t *testing.T, content files) *secret {
	t.Helper()
	s := &secret{t: t, dir: t.TempDir()}
	s.swap(content)
	return s
}

// swap puts another content in the place of the one that is there.
func (s *secret) swap(content files) {
	s.t.Helper()
	s.mounts++
	version := fmt.Sprintf("..2026_%d", s.mounts)
	require.NoError(s.t, os.Mkdir(filepath.Join(s.dir, version), 0o700))
	for name, text := range content {
		require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, version, name), []byte(text), 0o600))
	}
	require.NoError(s.t, os.Symlink(version, filepath.Join(s.dir, "..data_tmp")))
	require.NoError(s.t, os.Rename(filepath.Join(s.dir, "..data_tmp"), filepath.Join(s.dir, "..data")))
	for name := range content { // those that are new; and then those that are gone
		_ = os.Symlink(filepath.Join("..data", name), filepath.Join(s.dir, name))
	}
	standing, err := os.ReadDir(s.dir)
	require.NoError(s.t, err)
	for _, entry := range standing {
		if _, stays := content[entry.Name()]; !stays && !strings.HasPrefix(entry.Name(), "..") {
			require.NoError(s.t, os.Remove(filepath.Join(s.dir, entry.Name())))
		}
	}
}

// user is a line of a file, as htpasswd -B writes it but for the cost.
func user(t *testing.T, login string) string {
	t.Helper()
	name, password, _ := strings.Cut(login, ":")
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	return name + ":" + strings.Replace(string(hash), "$2a$", "$2y$", 1) + "\n"
}

// launchGuarded starts a service whose users are in a secret.
func launchGuarded(t *testing.T, s *secret, change ...func(*config.Config)) *app {
	t.Helper()
	settings := testSettings(t)
	for _, set := range change {
		set(&settings)
	}
	var err error
	settings.Credentials, err = credentials.Open(s.dir)
	require.NoError(t, err)
	return launchWith(t, settings)
}

// verifications are how often the service has run bcrypt.
func (a *app) verifications() int {
	a.t.Helper()
	return a.labelled("clients_logins_total", `outcome="verified"`) + a.labelled("clients_logins_total", `outcome="refused"`)
}
