package files_test

import (
	"os"
	"path/filepath"
	"testing"

	"clients/eventstore/files"

	"github.com/stretchr/testify/require"
)

func TestFileIsReplacedAtomically(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path+".tmp", []byte("what an interrupted write left"), 0o600))
	for _, content := range []string{"former", "new"} {
		require.NoError(t, files.Replace(path, []byte(content)))
		written, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(written))
	}
	require.NoFileExists(t, path+".tmp")
	require.Error(t, files.Replace(filepath.Join(path, "within a file"), nil))
}
