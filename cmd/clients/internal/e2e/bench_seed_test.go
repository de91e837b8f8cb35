package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// startSeeded returns a service with n clients, each with a number of events that versions returns. They are written
// while the service is stopped, by a NATS server that does not sync them to disk, and folded when it starts again.
func startSeeded(b *testing.B, p program, n, versions int, variables ...string) *service {
	b.Helper()
	s := startProgram(b, p, variables...)
	require.Zero(b, s.stop(b))
	writeStore(b, s.dataDir, func(js jetstream.JetStream) { seed(b, js, n, versions) })
	s = s.begunAgain(b)
	require.Equal(b, http.StatusOK, s.do(http.MethodGet, path(int64(n)), "").status)
	return s
}

// begunAgain starts the same build with the same settings again after it has exited.
func (s *service) begunAgain(b *testing.B) *service {
	b.Helper()
	next := launchProgram(b, s.cmd.Path, s.variables...)
	next.dataDir = s.dataDir
	next.awaitReadyWithin(b, seededLimit)
	return next
}

// seededLimit is how long a service may take to fold what was written for it.
const seededLimit = 5 * time.Minute

// writeStore runs a NATS server with the store of a stopped service.
func writeStore(t testing.TB, dataDir string, write func(jetstream.JetStream)) {
	t.Helper()
	store, err := server.NewServer(&server.Options{JetStream: true, StoreDir: filepath.Join(dataDir, "nats"), DontListen: true, NoSigs: true})
	require.NoError(t, err)
	store.Start()
	require.True(t, store.ReadyForConnections(timeout))
	defer func() { store.Shutdown(); store.WaitForShutdown() }()
	_, js := connect(t, "", nats.InProcessServer(store))
	write(js)
}

// seed stores the events of n clients without waiting for each.
func seed(b *testing.B, js jetstream.JetStream, n, versions int) {
	b.Helper()
	for version := 1; version <= versions; version++ {
		for id := int64(1); id <= int64(n); id++ {
			m := clientEvent("default", "Toggled", id, version, fmt.Sprintf(`"active":%t`, version%2 == 1))
			if version == 1 {
				m = clientEvent("default", "Created", id, 1, fmt.Sprintf(`"name":"Client %07d Ltd","highrise_id":null,`+
					`"currency":"United States Dollars - USD","currency_symbol":"$","active":true,`+
					`"details":"123 Main St. Third Floor New York, NY 10011 USA 212-555-1212"`, id*7919%int64(n)))
			}
			m.Header.Del("Nats-Msg-Id") // the server would keep each for two minutes
			_, err := js.PublishMsgAsync(m, jetstream.WithStallWait(seededLimit))
			require.NoError(b, err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(seededLimit):
		require.Fail(b, "events are not stored")
	}
	require.EqualValues(b, n*versions, lastSequence(b, js))
}

// publishAll stores messages, many at once.
func publishAll(b *testing.B, js jetstream.JetStream, n int, message func(i int) *nats.Msg) {
	b.Helper()
	var group sync.WaitGroup
	var next atomic.Int64
	for range 256 {
		group.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if _, err := js.PublishMsg(b.Context(), message(int(i))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}
