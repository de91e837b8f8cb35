package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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

// swap replaces the content.
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
	for name := range content { // links to new files, and then no links to removed ones
		_ = os.Symlink(filepath.Join("..data", name), filepath.Join(s.dir, name))
	}
	entries, err := os.ReadDir(s.dir)
	require.NoError(s.t, err)
	for _, entry := range entries {
		if _, stays := content[entry.Name()]; !stays && !strings.HasPrefix(entry.Name(), "..") {
			require.NoError(s.t, os.Remove(filepath.Join(s.dir, entry.Name())))
		}
	}
}
