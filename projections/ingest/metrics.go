package ingest

import (
	"sync"
	"time"

	"clients/eventstore/upstream"

	"github.com/prometheus/client_golang/prometheus"
)

type ingestMetrics struct {
	quarantined *prometheus.CounterVec
	duplicates  *prometheus.CounterVec
	expired     *prometheus.CounterVec
	missingOnes *prometheus.GaugeVec
	handedOut   *prometheus.GaugeVec
	fences      *prometheus.HistogramVec
	unkept      *prometheus.CounterVec

	mu    sync.Mutex
	state map[string]bool // of each stream, whether it is missing
}

func newMetrics(registry prometheus.Registerer) *ingestMetrics {
	stream := []string{"stream"}
	m := &ingestMetrics{
		quarantined: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clients_quarantined_total", Help: "Messages of other services that went into quarantine, by reason.",
		}, []string{"stream", "reason"}),
		duplicates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clients_source_duplicates_total", Help: "Events of other services that were dropped because an event of the same source and id is known.",
		}, stream),
		expired: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clients_source_expired_total", Help: "Messages of other services that were gone before they were read.",
		}, stream),
		missingOnes: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "clients_source_missing", Help: "1 while the stream of another service does not exist, so that no client can be deleted or deactivated.",
		}, stream),
		handedOut: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "clients_source_read_sequence", Help: "Sequence of the last message that was read of another service's stream.",
		}, stream),
		fences: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "clients_fence_duration_seconds", Help: "How long deletions and deactivations waited for what other services had said.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"outcome"}),
		unkept: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clients_quarantine_failures_total", Help: "Attempts to put a message into quarantine that failed; those behind it wait.",
		}, stream),
		state: make(map[string]bool),
	}
	registry.MustRegister(m.quarantined, m.duplicates, m.expired, m.missingOnes, m.handedOut, m.fences, m.unkept)
	m.fences.WithLabelValues("passed")
	m.fences.WithLabelValues("failed")
	for _, source := range upstream.Streams() {
		m.duplicates.WithLabelValues(source.Name)
		m.expired.WithLabelValues(source.Name)
		m.unkept.WithLabelValues(source.Name)
		m.missingOnes.WithLabelValues(source.Name)
		m.handedOut.WithLabelValues(source.Name)
		for _, reason := range reasons() {
			m.quarantined.WithLabelValues(source.Name, string(reason))
		}
	}
	return m
}

func (m *ingestMetrics) read(message upstream.Message) {
	m.handedOut.WithLabelValues(message.Stream).Set(float64(message.Sequence))
}

// missing reports whether the stream was there, or was missing, before.
func (m *ingestMetrics) missing(stream string, missing bool) (changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	changed = m.state[stream] != missing
	m.state[stream] = missing
	value := 0.0
	if missing {
		value = 1
	}
	m.missingOnes.WithLabelValues(stream).Set(value)
	return changed
}

func (m *ingestMetrics) fenced(begun time.Time, err error) {
	outcome := "passed"
	if err != nil {
		outcome = "failed"
	}
	m.fences.WithLabelValues(outcome).Observe(time.Since(begun).Seconds())
}
