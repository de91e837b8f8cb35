package e2e_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A service that is killed at any moment of its first start leaves a data directory that the next start uses.
func TestAKilledFirstStartLeavesAStoreThatStarts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	settings := []string{"CLIENTS_DATA_DIR=" + dir, "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0"}
	begun := time.Now()
	s := launch(t, settings...)
	s.awaitReady(t)
	whole := time.Since(begun)
	s.kill()
	const kills = 6
	for i := range kills {
		require.NoError(t, os.RemoveAll(dir))
		for range 2 { // the second one continues what the first one left
			killed := launch(t, settings...)
			time.Sleep(whole * time.Duration(i) / kills)
			killed.kill()
		}
		next := startIn(t, dir, settings...)
		next.create("SuprCorp")
		next.kill()
	}
}

// Earlier releases could leave a high-water file of 0 bytes.
func TestAnEmptyHighWaterFileIsCreatedAgain(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("SuprCorp")
	mark := filepath.Join(s.dataDir, "high-water")
	require.Zero(t, s.stop(t))
	whole, err := os.ReadFile(mark)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(mark, nil, 0o600))
	s = s.restart(t)
	require.Equal(t, "SuprCorp", s.attributes(id)["name"])
	require.True(t, s.stderr.contains("empty high-water mark recreated"))
	s.kill()
	begun, err := os.ReadFile(mark)
	require.NoError(t, err)
	require.Equal(t, whole, begun)
}
