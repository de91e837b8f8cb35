package e2e_test

import (
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
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
	for _, s := range services { // a start looks through old blocks, and writes a snapshot, after it is ready
		awaitIdle(b, s)
	}
	b.Run("create", func(b *testing.B) { compare(b, callers, perRound, creates...) })
	b.Run("update", func(b *testing.B) { compare(b, callers, perRound, updates...) })
	for _, s := range services {
		require.Zero(b, s.stop(b))
	}
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
			for i, s := range services {
				reportMemory(b, s, prefixes[i])
			}
		}
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkMemory measures the memory of a service of CLIENTS_BENCH_CLIENTS clients, each of which has 5 projects and 20 invoices,
// after it has read all of those and was started again.
func BenchmarkMemory(b *testing.B) {
	n := size(b, "CLIENTS_BENCH_CLIENTS", 500)
	s := startSeeded(b, program{path: binary}, n, 2)
	require.Zero(b, s.stop(b))
	store := func(js jetstream.JetStream, subject, kind string, each int) {
		for id := 1; id <= n*each; id++ {
			_, err := js.PublishMsgAsync(message(fmt.Sprintf(subject, id), fmt.Sprintf(`{"id":%d,"client_id":%d,"active":true}`, id, (id-1)/each+1),
				"ce-specversion", "1.0", "ce-id", fmt.Sprint(id), "ce-source", "/bench", "ce-type", kind), jetstream.WithStallWait(seededLimit))
			require.NoError(b, err)
		}
	}
	writeStore(b, s.dataDir, func(js jetstream.JetStream) {
		store(js, "projects.default.%d", "projects.v1.ProjectCreated", 5)
		store(js, "invoices.default.%d", "invoices.v1.InvoiceCreated", 20)
		<-js.PublishAsyncComplete()
	})
	s = s.begunAgain(b)
	require.Eventually(b, func() bool {
		has := s.do(http.MethodDelete, path(int64(n)), "").header.Get("Hint")
		return strings.Contains(has, "5 active projects") && strings.Contains(has, "20 invoices")
	}, 4*seededLimit, 100*time.Millisecond, "all events are read")
	require.Zero(b, s.stop(b))
	for b.Loop() {
		reportMemory(b, s, "")
	}
	b.ReportMetric(0, "ns/op")
}

// reportMemory starts a stopped service, and then a nats-server with its streams. It reports how long the start takes, and the memory of
// both.
func reportMemory(b *testing.B, s *service, prefix string) {
	b.Helper()
	report := func(pid int, name string) { b.ReportMetric(float64(memory(b, pid, "VmRSS"))/1e6, prefix+name) }
	begun := time.Now()
	s = s.begunAgain(b)
	b.ReportMetric(time.Since(begun).Seconds(), prefix+"start-s")
	report(s.cmd.Process.Pid, "MB")
	require.Zero(b, s.stop(b))
	bare := natstest.RunProcessesIn(b, filepath.Join(s.dataDir, "nats"))[0]
	report(bare.PID(), "nats-server-MB")
	bare.Kill()
}

// awaitIdle returns when the service has used less than a tenth of a processor over a period.
func awaitIdle(b *testing.B, s *service) {
	b.Helper()
	const period = 3 * time.Second
	for used := time.Duration(math.MaxInt64); used > period/10; {
		before := s.processorTime(b)
		time.Sleep(period)
		used = s.processorTime(b) - before
	}
}
