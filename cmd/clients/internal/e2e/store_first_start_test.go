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
