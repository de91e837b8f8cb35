package ingest

import (
	"sync"
	"time"

	"clients/eventstore"

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
	told  time.Time       // when a failure of the quarantine was last logged
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
	for _, source := range []eventstore.Source{eventstore.Projects, eventstore.Invoices} {
		m.duplicates.WithLabelValues(source.Stream)
		m.expired.WithLabelValues(source.Stream)
		m.unkept.WithLabelValues(source.Stream)
		m.missingOnes.WithLabelValues(source.Stream)
		m.handedOut.WithLabelValues(source.Stream)
		for _, reason := range reasons() {
			m.quarantined.WithLabelValues(source.Stream, string(reason))
		}
	}
	return m
}

func (m *ingestMetrics) read(message eventstore.SourceMessage) {
	m.handedOut.WithLabelValues(message.Stream).Set(float64(message.Sequence))
}

// missing answers whether that is news.
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

// failurePause is between two lines in the log about the same trouble.
const failurePause = 10 * time.Second

// quarantineFailed counts, and has it told from time to time.
func (m *ingestMetrics) quarantineFailed(stream string, tell func()) {
	m.unkept.WithLabelValues(stream).Inc()
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.told) >= failurePause {
		m.told = time.Now()
		tell()
	}
}
