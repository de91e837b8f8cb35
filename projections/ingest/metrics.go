package ingest

import (
	"clients/eventstore/upstream"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type ingestMetrics struct {
	quarantined, duplicates, expired, putFailures *prometheus.CounterVec
	missing, sequence                             *prometheus.GaugeVec
	barriers                                      *prometheus.HistogramVec
}

func newMetrics(registry prometheus.Registerer) *ingestMetrics {
	in := promauto.With(registry)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return in.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"stream"}, labels...))
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return in.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"stream"})
	}
	m := &ingestMetrics{
		quarantined: counter("clients_quarantined_total", "Messages of other services that became dead letters, by reason.", "reason"),
		duplicates:  counter("clients_source_duplicates_total", "Events of other services that were dropped as duplicates, by source and id."),
		expired:     counter("clients_source_expired_total", "Messages of other services that a limit or a purge deleted before they were read."),
		putFailures: counter("clients_quarantine_failures_total", "Failed attempts to store a dead letter. Messages behind it wait."),
		missing:     gauge("clients_source_missing", "1 while the stream of another service does not exist or does not receive its events. No client can be deleted or deactivated."),
		sequence:    gauge("clients_source_read_sequence", "Sequence of the last message that was read from the stream of another service."),
		barriers: in.NewHistogramVec(prometheus.HistogramOpts{
			Name: "clients_fence_duration_seconds", Help: "Time that deletions and deactivations waited at the read barrier.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"outcome"}),
	}
	m.barriers.WithLabelValues("passed")
	m.barriers.WithLabelValues("failed")
	for _, stream := range upstream.Streams() { // series exist before their first event
		for _, c := range []*prometheus.CounterVec{m.duplicates, m.expired, m.putFailures} {
			c.WithLabelValues(stream.Name)
		}
		m.missing.WithLabelValues(stream.Name)
		m.sequence.WithLabelValues(stream.Name)
		for _, reason := range reasons() {
			m.quarantined.WithLabelValues(stream.Name, string(reason))
		}
	}
	return m
}
