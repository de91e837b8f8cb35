package e2e_test

import (
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// BenchmarkIdle reports the share of a core that a service without requests takes, and that a nats-server with the same streams
// takes at the same time. Processor time is counted in hundredths of a second.
func BenchmarkIdle(b *testing.B) {
	const minute = 60 * time.Second
	bare := natstest.RunProcesses(b, 1)[0]
	setup := run(b, nil, "setup", "--sources", "--stream-replicas", "1", "--nats-url", bare.URL)
	require.Zero(b, setup.code, setup.stderr)
	for _, p := range programsMeasured() {
		s := startProgram(b, p)
		b.Run(p.name+"program", func(b *testing.B) {
			for b.Loop() {
				time.Sleep(minute / 6) // until the start is over
				own, servers := s.processorTime(b), processorTime(b, bare.PID())
				time.Sleep(minute)
				own, servers = s.processorTime(b)-own, processorTime(b, bare.PID())-servers
				b.ReportMetric(100*own.Seconds()/minute.Seconds(), "%core")
				b.ReportMetric(100*servers.Seconds()/minute.Seconds(), "%core/nats-server")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
