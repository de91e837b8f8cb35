package e2e_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The benchmarks compare the built program with a baseline, such as NATS alone, in the same run. Each reports the program's time
// divided by that of the baseline, because ratios depend less on the machine than times do. With -previous=PATH the program of
// another commit is measured in the same rounds:
//
//	go test -run '^$' -bench Command ./cmd/clients/internal/e2e -previous=/path/to/clients

// program is a build that is measured.
type program struct{ name, path string }

// programsMeasured are this commit's build and, if there is one, the previous.
func programsMeasured() []program {
	all := []program{{"", binary}}
	if *previous != "" {
		all = append(all, program{"previous-", *previous})
	}
	return all
}

// startProgram runs a build of the program, as users do, access log included.
func startProgram(b *testing.B, p program, variables ...string) *service {
	b.Helper()
	dir := b.TempDir()
	s := launchProgram(b, p.path, append([]string{
		"CLIENTS_DATA_DIR=" + dir, "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0", "CLIENTS_LOG_LEVEL=info", "CLIENTS_LOG_FORMAT=json",
	}, variables...)...)
	s.dataDir = dir
	s.awaitReady(b)
	return s
}

// subject is what is measured: the prefix of its metrics, what it does, and the process whose processor time counts.
type subject struct {
	prefix  string
	call    func() error
	service *service // nil for a baseline
}

// compare runs rounds of all subjects in turn, with so many callers at once. Each metric of the others is followed by the
// ratio of the first subject to it. It returns the median latency of each in microseconds.
func compare(b *testing.B, callers, perRound int, subjects ...subject) (medians []float64) {
	b.Helper()
	measures := make([]measure, len(subjects))
	for i, s := range subjects {
		measures[i].round(b, callers, max(callers, perRound/10), s) // not counted
		measures[i] = measure{}
	}
	for b.Loop() {
		for i, s := range subjects {
			measures[i].round(b, callers, perRound, s)
		}
	}
	for i, s := range subjects {
		m := &measures[i]
		b.ReportMetric(float64(len(m.latencies))/m.elapsed.Seconds(), s.prefix+"op/s")
		medians = append(medians, m.quantile(.5))
		b.ReportMetric(medians[i], s.prefix+"p50-µs")
		b.ReportMetric(m.quantile(.99), s.prefix+"p99-µs")
		if s.service != nil {
			b.ReportMetric(float64(m.processor.Microseconds())/float64(len(m.latencies)), s.prefix+"cpu-µs/op")
		}
		if i > 0 {
			b.ReportMetric(measures[0].perOp().Seconds()/m.perOp().Seconds(), s.prefix+"ratio")
		}
	}
	b.ReportMetric(0, "ns/op") // a round of all means nothing
	return medians
}

type measure struct {
	mu        sync.Mutex
	elapsed   time.Duration
	processor time.Duration
	latencies []time.Duration
}

func (m *measure) round(b *testing.B, callers, ops int, s subject) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(ops))
	var group sync.WaitGroup
	begun, used := time.Now(), s.service.processorTime(b)
	for range callers {
		group.Go(func() {
			var own []time.Duration
			for left.Add(-1) >= 0 {
				start := time.Now()
				if err := s.call(); err != nil {
					b.Error(err)
					return
				}
				own = append(own, time.Since(start))
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			m.latencies = append(m.latencies, own...)
		})
	}
	group.Wait()
	m.elapsed += time.Since(begun)
	m.processor += s.service.processorTime(b) - used
}

func (m *measure) perOp() time.Duration { return m.elapsed / time.Duration(max(1, len(m.latencies))) }

// quantile returns a latency in microseconds.
func (m *measure) quantile(q float64) float64 {
	if len(m.latencies) == 0 {
		return 0
	}
	slices.Sort(m.latencies)
	return float64(m.latencies[int(q*float64(len(m.latencies)-1))].Nanoseconds()) / 1e3
}

// processorTime returns how much processor time the service has used.
func (s *service) processorTime(b *testing.B) time.Duration {
	if s == nil {
		return 0
	}
	return processorTime(b, s.cmd.Process.Pid)
}

// processorTime returns how much processor time a process has used, where the system reports it as Linux does.
func processorTime(b *testing.B, pid int) time.Duration {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(stat), ") ") // behind the name of the program
	fields := strings.Fields(after)
	var ticks int64
	for _, field := range fields[11:13] { // of the process and of the kernel for it, in hundredths of a second
		n, err := strconv.ParseInt(field, 10, 64)
		require.NoError(b, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// size returns the number of clients or events of a benchmark: the value of the environment variable, or number.
func size(b *testing.B, variable string, number int) int {
	b.Helper()
	if text := os.Getenv(variable); text != "" {
		var err error
		number, err = strconv.Atoi(text)
		require.NoError(b, err)
	}
	return number
}
