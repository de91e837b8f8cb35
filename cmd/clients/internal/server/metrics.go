package server

import (
	"time"

	"clients/cmd/clients/internal/version"
	"clients/domain/command"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// registerMetrics makes /metrics show the store, the read model and the process.
func (s *Server) registerMetrics() {
	counter := func(name, help string, value func() uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	s.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		counter("clients_events_appended_total", "Events stored.", s.store.Counts.Appended.Load),
		counter("clients_append_conflicts_total", "Events refused because the client had changed.", s.store.Counts.Conflicts.Load),
		counter("clients_append_failures_total", "Events that could not be stored, or whose outcome is unknown.", s.store.Counts.Failures.Load),
		counter("clients_stray_messages_total", "Foreign messages in the stream: no events, or with a version that the client already has. They were skipped.", func() uint64 { return s.directory.Stats().Foreign }),
	)
	s.gauge("clients_projection_sequence", "Sequence of the last message that reads show.", nil, func() float64 { return float64(s.directory.Stats().Sequence) })
	s.gauge("clients_clients", "Clients of all accounts.", nil, func() float64 { return float64(s.directory.Stats().Clients) })
	s.gauge("clients_following", "0 while the stream cannot be read any further: see the log.", nil, func() float64 { return number(s.directory.Err() == nil) })
	s.gauge("clients_read_only", "1 while NATS refuses writes, for the reason in /readyz.", nil, func() float64 { return number(s.store.ReadOnly() != "") })
	s.gauge("clients_permission_denied", "1 for ten minutes after NATS has denied the service a permission, which the log names.", nil, func() float64 { return number(s.permissions.denied() != "") })
	s.gauge("clients_snapshot_sequence", "Sequence of the last snapshot of any replica.", nil, func() float64 { sequence, _ := s.snapshotter.Last(); return float64(sequence) })
	s.gauge("clients_snapshot_age_seconds", "Age of the last snapshot of any replica, or of this process if there is none.", nil, func() float64 { _, at := s.snapshotter.Last(); return time.Since(at).Seconds() })
	s.gauge("clients_erasures_unfinished", "Erasures that have begun and are not complete.", nil, func() float64 { return float64(len(s.store.Removals.Unfinished())) })
	v := version.Current()
	s.gauge("clients_build_info", "1, with what is running.", prometheus.Labels{"version": v.Version, "commit": v.Commit, "go": v.Go}, func() float64 { return 1 })
}

// gauge makes /metrics show a value.
func (s *Server) gauge(name, help string, labels prometheus.Labels, value func() float64) {
	s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

// countCommands returns a function that counts commands for /metrics.
func countCommands(registry *prometheus.Registry) func(command.Outcome) {
	commands := promauto.With(registry).NewCounterVec(prometheus.CounterOpts{
		Name: "clients_commands_total", Help: "Commands by outcome; after a conflict a command is decided again.",
	}, []string{"outcome"})
	for _, outcome := range command.Outcomes() {
		commands.WithLabelValues(string(outcome))
	}
	return func(outcome command.Outcome) { commands.WithLabelValues(string(outcome)).Inc() }
}

// number returns 1 for yes and 0 for no.
func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
