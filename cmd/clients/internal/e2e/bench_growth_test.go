package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// BenchmarkGrowth creates and updates clients in a store of CLIENTS_BENCH_CLIENTS clients, each with CLIENTS_BENCH_VERSIONS
// events before that. The baseline is a store of 2,000 clients. It reports the memory of the service, which includes NATS, and
// that of a nats-server with the same streams.
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
	for _, s := range services {
		require.Zero(b, s.stop(b))
	}
	b.Run("memory", func(b *testing.B) {
		report := func(pid int, name string) { b.ReportMetric(float64(memory(b, pid, "VmRSS"))/1e6, name) }
		for b.Loop() {
			for i, s := range services {
				s = s.begunAgain(b)
				report(s.cmd.Process.Pid, prefixes[i]+"MB")
				require.Zero(b, s.stop(b))
				bare := natstest.RunProcessesIn(b, filepath.Join(s.dataDir, "nats"))[0]
				report(bare.PID(), prefixes[i]+"nats-server-MB")
				bare.Kill()
			}
		}
		b.ReportMetric(0, "ns/op")
	})
}
