package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// BenchmarkGrowth creates and updates clients in a store of CLIENTS_BENCH_CLIENTS clients, each with CLIENTS_BENCH_VERSIONS
// events before that. The baseline is a store of 2,000 clients. It reports the memory of the service, which includes NATS, and that of a
// nats-server with the same streams.
func BenchmarkGrowth(b *testing.B) {
	const callers, perRound = 16, 2000
	n, versions := size(b, "CLIENTS_BENCH_CLIENTS", 20_000), size(b, "CLIENTS_BENCH_VERSIONS", 5)
	prefixes, services := []string{"", "small-"}, make([]*service, 2)
	var creates, updates []subject
	for i, clients := range []int{n, 2000} {
		s := startSeeded(b, program{path: binary}, clients, versions)
		services[i] = s
		creates = append(creates, subject{prefixes[i], requester(b, s.base, http.StatusCreated, same(text("POST", "/clients", "", benchClient))), s})
		var next atomic.Int64
		updates = append(updates, subject{prefixes[i], requester(b, s.base, http.StatusOK, func() string {
			k := next.Add(1)
			return text("PUT", path(k*7919%int64(clients)+1), "", fmt.Sprintf("<client><name>Benchmark %d</name></client>", k))
		}), s})
	}
	b.Run("create", func(b *testing.B) { compare(b, callers, perRound, creates...) })
	b.Run("update", func(b *testing.B) { compare(b, callers, perRound, updates...) })
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
			for i, s := range services {
				require.Zero(b, s.stop(b))
				s = s.begunAgain(b)
				b.ReportMetric(resident(b, s.cmd.Process.Pid), prefixes[i]+"MB")
				require.Zero(b, s.stop(b))
				bare := natstest.RunProcessesIn(b, filepath.Join(s.dataDir, "nats"))[0]
				b.ReportMetric(resident(b, bare.PID()), prefixes[i]+"nats-server-MB")
				bare.Kill()
			}
		}
		b.ReportMetric(0, "ns/op")
	})
}

// resident returns the memory of a process in megabytes.
func resident(b *testing.B, pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(b, found, "%s", status)
	kilobytes, err := strconv.ParseFloat(string(found[1]), 64)
	require.NoError(b, err)
	return kilobytes / 1000
}
