//go:build diskfaults

package embedded_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A batch is stored as well when memory runs out in the middle of it. The test mounts, as root.
func TestBatchesAreStoredWhenMemoryIsFull(t *testing.T) {
	memory, dir := t.TempDir(), t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", memory, "tmpfs", 0, "size=1500k"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(memory, syscall.MNT_DETACH)) })
	full, other := 0, filepath.Join(memory, "other")
	server := startStaging(t, dir, memory)
	stage := func(id string, size int) error {
		_ = os.Remove(other)
		if err := server.Stage(id, size); err != nil {
			return err
		}
		if full++; full%2 == 1 {
			require.ErrorIs(t, os.WriteFile(other, make([]byte, 2<<20), 0o600), syscall.ENOSPC)
		}
		return nil
	}
	serveStaged(t, dir, server, stage, func(s *service) {
		for range 4 {
			s.together(30)
		}
		require.EqualValues(t, 4*30, s.last())
		require.NoError(t, os.WriteFile(other, make([]byte, 600<<10), 0o600))
		require.Error(t, server.Stage("a", 1), "no room")
	})
	require.Positive(t, full)
	require.NoError(t, os.Remove(other))
	left, err := os.ReadDir(memory)
	require.NoError(t, err)
	require.Empty(t, left)
}
