package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// everyMoment is an interval at which a scrub is due within a second or two.
const everyMoment = "CLIENTS_SCRUB_INTERVAL=1s"

func TestAScrubFindsLostEvents(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("servers: %d", n), func(t *testing.T) {
			t.Parallel()
			s, servers := startOn(t, n)
			damage(t, servers, func(block string) { flip(t, block, "Second Ltd") })
			requireScrubStops(t, s, "missing")
		})
	}
}

// Each of these events has the right checksums of the NATS server.
func TestAScrubFindsAnAlteredEvent(t *testing.T) {
	t.Parallel()
	for kind, alter := range map[string]func(*storedEvent){
		"corrupt": func(e *storedEvent) { e.replace("Second Ltd", "Zecond Ltd") },
		"order":   func(e *storedEvent) { e.replace("ce-clientversion: 1", "ce-clientversion: 3"); e.sum() },
		"differs": func(e *storedEvent) { e.replace("Second Ltd", "Zecond Ltd"); e.sum() },
	} {
		t.Run(kind+" on an external server", func(t *testing.T) {
			t.Parallel()
			s, servers := startOn(t, 1)
			damage(t, servers, func(block string) { alterEvent(t, block, 2, alter) })
			requireScrubStops(t, s, kind)
		})
		t.Run(kind+" on the embedded server", func(t *testing.T) {
			t.Parallel()
			s := start(t)
			createThree(t, s)
			require.Zero(t, s.stop(t))
			for _, block := range blocks(t, filepath.Join(s.dataDir, "nats")) {
				alterEvent(t, block, 2, alter)
			}
			s = s.restart(t, everyMoment)
			requireScrubStops(t, s, kind)
		})
	}
}

// If the last scrub found faults, the service scrubs again as soon as it has started, whatever the interval.
func TestAStartScrubsAgainAfterFaults(t *testing.T) {
	t.Parallel()
	s := start(t, everyMoment)
	createThree(t, s)
	require.Zero(t, s.stop(t))
	for _, block := range blocks(t, filepath.Join(s.dataDir, "nats")) {
		alterEvent(t, block, 2, func(e *storedEvent) { e.replace("Second Ltd", "Zecond Ltd"); e.sum() })
	}
	s = s.restart(t)
	requireScrubStops(t, s, "differs")
	require.Zero(t, s.stop(t))
	s = s.restart(t, "CLIENTS_SCRUB_INTERVAL=24h")
	requireScrubStops(t, s, "differs")
}

// A difference in the state of a project is reported. It does not affect reads, so the service continues.
func TestAScrubFindsAProjectThatDiffers(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.create("First Ltd")
	project(t, s.partner(t), "ProjectCreated", 7, `"client_id":1`)
	s.want(http.StatusBadRequest, http.MethodDelete, path(1), "") // it is on record
	require.Zero(t, s.stop(t))
	for _, block := range blocks(t, filepath.Join(s.dataDir, "nats")) {
		alterEvent(t, block, 2, func(e *storedEvent) { e.replace(`"id":7`, `"id":8`); e.sum() })
	}
	s = s.restart(t, everyMoment)
	eventually(t, func() bool { return s.metric("clients_scrub_faults", `kind="references"`) == 2 }, "the scrub finds both projects")
	require.Equal(t, http.StatusOK, s.operations("/readyz").status)
	s.create("Second Ltd")
}

// The server caches the event until it has not been read for 10 s.
func TestAScrubFindsABitThatFlipsWhileTheEmbeddedServerRuns(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_SCRUB_INTERVAL=10s")
	createThree(t, s)
	for _, block := range blocks(t, filepath.Join(s.dataDir, "nats")) {
		flip(t, block, "Second Ltd")
	}
	requireScrubStops(t, s, "missing")
}

// startOn runs a service on external servers that scrubs constantly, and creates clients.
func startOn(t *testing.T, n int) (*service, *natstest.Cluster) {
	t.Helper()
	servers := natstest.Run(t, n)
	s := startReplicas(t, 1, servers.URL(), fmt.Sprintf("CLIENTS_STREAM_REPLICAS=%d", n), everyMoment)[0]
	createThree(t, s)
	return s, servers
}

// damage stops the servers, damages the files of CLIENTS of each, and starts them again. The servers' index of the files stays,
// so that they do not read the files at the start.
func damage(t *testing.T, servers *natstest.Cluster, harm func(block string)) {
	t.Helper()
	for i := range servers.Servers {
		servers.Stop(i)
		for _, block := range blocks(t, servers.StoreDir(i)) {
			harm(block)
		}
	}
	for i := range servers.Servers {
		servers.Restart(t, i)
	}
}

// createThree creates three clients, and changes the first one.
func createThree(t *testing.T, s *service) {
	t.Helper()
	first := s.createOnce("First Ltd") // an id that is taken in vain is lost
	s.createOnce("Second Ltd")
	s.createOnce("Third Ltd")
	s.settle(http.StatusOK, http.MethodPut, path(first), `{"client":{"details":"x"}}`, asJSON)
}

func blocks(t *testing.T, storeDir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(storeDir, "jetstream/*/streams/CLIENTS/msgs/*.blk"))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

// flip flips a bit of the first occurrence of text in a file.
func flip(t *testing.T, path, text string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	at := bytes.Index(content, []byte(text))
	require.Positive(t, at, text)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	_, err = file.WriteAt([]byte{content[at] ^ 1}, int64(at)) // in place: the server has it open
	require.NoError(t, err)
}

// requireScrubStops waits until a scrub has found a fault of the second event, by metric, log and readiness.
func requireScrubStops(t *testing.T, s *service, kind string) {
	t.Helper()
	eventually(t, func() bool { return s.metric("clients_scrub_faults", fmt.Sprintf("kind=%q", kind)) > 0 }, "the scrub finds it")
	eventually(t, func() bool {
		return s.stderr.contains(fmt.Sprintf("msg=\"scrub found a fault\" kind=%s sequence=2", kind))
	}, "it is logged")
	eventually(t, func() bool { return s.operations("/readyz").status == http.StatusServiceUnavailable }, "it is not ready")
	require.Contains(t, s.operations("/readyz").body, "the stream CLIENTS is damaged")
	s.want(http.StatusServiceUnavailable, http.MethodPost, "/clients", `{"client":{"name":"Another"}}`, asJSON)
	require.NotEmpty(t, s.want(http.StatusOK, http.MethodGet, "/clients", "").header.Get("Warning"))
}
