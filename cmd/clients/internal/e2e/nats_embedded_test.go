package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A read on an embedded server shows the writes of another replica that uses the same server as its administrator.
func TestReadsOnAnEmbeddedServerShowWritesOfAnotherReplica(t *testing.T) {
	t.Parallel()
	first := start(t)
	password, err := os.ReadFile(filepath.Join(first.dataDir, "admin-password"))
	require.NoError(t, err)
	url := strings.Replace(first.nats, "nats://", "nats://admin:"+strings.TrimSpace(string(password))+"@", 1)
	second := launch(t, "CLIENTS_NATS_URL="+url, "CLIENTS_STREAM_REPLICAS=1")
	second.awaitReady(t)
	id := first.create("SuprCorp")
	for i := range 300 {
		name := fmt.Sprintf("<name>SuprCorp %d</name>", i)
		second.update(id, name)
		require.Contains(t, first.want(http.StatusOK, http.MethodGet, path(id), "").body, name)
	}
}
