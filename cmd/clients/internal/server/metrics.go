package server

import (
	"time"

	"clients/cmd/clients/internal/version"
	"clients/domain/command"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// registerMetrics makes /metrics show the store, the directory and the process; it answers what counts commands.
func (s *Server) registerMetrics() func(command.Outcome) {
	counter := func(name, help string, value func() uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	commands := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "clients_commands_total", Help: "Commands by how they were decided; one that lost a race is decided again.",
	}, []string{"outcome"})
	for _, outcome := range command.Outcomes() {
		commands.WithLabelValues(string(outcome))
	}
	v := version.Current()
	s.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		commands,
		counter("clients_events_appended_total", "Events stored.", func() uint64 { return s.store.Stats().Appended }),
		counter("clients_append_conflicts_total", "Events refused because the client had changed.", func() uint64 { return s.store.Stats().Conflicts }),
		counter("clients_append_failures_total", "Events that could not be stored, or of which nobody knows.", func() uint64 { return s.store.Stats().Failures }),
		counter("clients_stray_messages_total", "Messages in the stream that are no events and were skipped.", func() uint64 { return s.directory.Stats().Foreign }),
		gauge("clients_projection_sequence", "Sequence of the last message that reads show.", func() float64 { return float64(s.directory.Stats().Sequence) }),
		gauge("clients_clients", "Clients of all accounts.", func() float64 { return float64(s.directory.Stats().Clients) }),
		gauge("clients_following", "0 when the stream cannot be followed any more: see the log, and start the process again.", func() float64 { return number(s.directory.Err() == nil) }),
		gauge("clients_snapshot_sequence", "Sequence of the last snapshot, whoever saved it.", func() float64 { sequence, _ := s.snapshotter.Last(); return float64(sequence) }),
		gauge("clients_snapshot_age_seconds", "Age of the last snapshot, whoever saved it, or of this process where there is none.", func() float64 { _, at := s.snapshotter.Last(); return time.Since(at).Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "clients_build_info", Help: "1, with what is running.",
			ConstLabels: prometheus.Labels{"version": v.Version, "commit": v.Commit, "go": v.Go},
		}, func() float64 { return 1 }),
	)
	return func(outcome command.Outcome) { commands.WithLabelValues(string(outcome)).Inc() }
}

// registerReadiness makes /metrics show from the first whether the service is ready.
func (s *Server) registerReadiness() {
	s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "clients_ready", Help: "1 while the service is ready, as /readyz tells.",
	}, func() float64 { return number(s.ready() == nil) }))
}

// number is how a metric tells yes and no.
func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
