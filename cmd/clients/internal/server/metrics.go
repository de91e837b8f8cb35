package server

import (
	"time"

	"clients/cmd/clients/internal/version"
	"clients/domain/command"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// registerMetrics makes /metrics show the store, the read model and the process.
func (s *Server) registerMetrics() {
	counter := func(name, help string, value func() uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	v := version.Current()
	s.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		counter("clients_events_appended_total", "Events stored.", s.store.Counts.Appended.Load),
		counter("clients_append_conflicts_total", "Events refused because the client had changed.", s.store.Counts.Conflicts.Load),
		counter("clients_append_failures_total", "Events that could not be stored, or whose outcome is unknown.", s.store.Counts.Failures.Load),
		counter("clients_stray_messages_total", "Foreign messages in the stream: no events, or with a version that the client already has. They were skipped.", func() uint64 { return s.directory.Stats().Foreign }),
		gauge("clients_projection_sequence", "Sequence of the last message that reads show.", func() float64 { return float64(s.directory.Stats().Sequence) }),
		gauge("clients_clients", "Clients of all accounts.", func() float64 { return float64(s.directory.Stats().Clients) }),
		gauge("clients_following", "0 while the stream cannot be read any further: see the log.", func() float64 { return number(s.directory.Err() == nil) }),
		gauge("clients_read_only", "1 while NATS refuses writes, for the reason in /readyz.", func() float64 { return number(s.refusesWrites() != "") }),
		gauge("clients_snapshot_sequence", "Sequence of the last snapshot of any replica.", func() float64 { sequence, _ := s.snapshotter.Last(); return float64(sequence) }),
		gauge("clients_snapshot_age_seconds", "Age of the last snapshot of any replica, or of this process if there is none.", func() float64 { _, at := s.snapshotter.Last(); return time.Since(at).Seconds() }),
		gauge("clients_erasures_unfinished", "Erasures that have begun and are not complete.", func() float64 { return float64(len(s.store.Removals.Unfinished())) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "clients_build_info", Help: "1, with what is running.",
			ConstLabels: prometheus.Labels{"version": v.Version, "commit": v.Commit, "go": v.Go},
		}, func() float64 { return 1 }),
	)
}

// countCommands returns a function that counts commands for /metrics.
func countCommands(registry *prometheus.Registry) func(command.Outcome) {
	commands := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "clients_commands_total", Help: "Commands by outcome; after a conflict a command is decided again.",
	}, []string{"outcome"})
	for _, outcome := range command.Outcomes() {
		commands.WithLabelValues(string(outcome))
	}
	registry.MustRegister(commands)
	return func(outcome command.Outcome) { commands.WithLabelValues(string(outcome)).Inc() }
}

// number returns 1 for yes and 0 for no.
func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
