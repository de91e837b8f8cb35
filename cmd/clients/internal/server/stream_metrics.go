package server

import (
	"context"
	"sync"
	"time"

	"clients/eventstore"
	"clients/eventstore/idempotency"
	"clients/eventstore/upstream"

	"github.com/prometheus/client_golang/prometheus"
)

// How often the stream of events is asked how it is, how often the others are, and how long an answer is waited for. A
// scrape does not ask them.
const (
	eventsEvery = time.Second
	othersEvery = 5 * time.Second
	sampleLimit = 2 * time.Second
)

// streamMetrics show how the streams are.
type streamMetrics struct {
	server *Server

	up       *prometheus.GaugeVec
	messages *prometheus.GaugeVec
	bytes    *prometheus.GaugeVec
	storage  *storageMetrics

	events  *lag // of the directory
	sources []*sourceLag
}

// sampleStreams begins to look at the streams.
func (s *Server) sampleStreams(context.Context) error {
	m := s.newStreamMetrics()
	s.background(func(ctx context.Context) { every(ctx, eventsEvery, m.sampleEvents) })
	s.background(func(ctx context.Context) { every(ctx, othersEvery, m.sampleOthers) })
	return nil
}

func (s *Server) newStreamMetrics() *streamMetrics {
	gauges := func(name, help string) *prometheus.GaugeVec {
		vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"stream"})
		s.registry.MustRegister(vec)
		return vec
	}
	return &streamMetrics{
		server:   s,
		up:       gauges("clients_stream_up", "1 while the stream's leader answers and has heard of a majority of its servers."),
		messages: gauges("clients_stream_messages", "Messages that the stream holds."),
		bytes:    gauges("clients_stream_bytes", "Bytes that the stream takes, on each of its servers."),
		storage:  s.newStorageMetrics(),
		events:   s.newDirectoryLag(),
		sources:  []*sourceLag{s.newSourceLag(upstream.Projects), s.newSourceLag(upstream.Invoices)},
	}
}

// every does something at once and then from time to time, until ctx ends.
func every(ctx context.Context, pause time.Duration, do func(context.Context)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, sampleLimit)
		do(limited)
		cancel()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (m *streamMetrics) sampleEvents(ctx context.Context) {
	if size, err := m.sample(ctx, eventstore.Stream); err == nil {
		m.events.found(size.Last, time.Now())
	}
}

// sampleOthers asks all at once: one that does not answer holds up no other.
func (m *streamMetrics) sampleOthers(ctx context.Context) {
	var asked sync.WaitGroup
	for _, stream := range []string{eventstore.IDStream, eventstore.QuarantineStream, idempotency.Stream, "OBJ_" + eventstore.SnapshotsBucket} {
		asked.Go(func() { _, _ = m.sample(ctx, stream) })
	}
	for _, source := range m.sources {
		asked.Go(func() {
			err := source.sample(ctx)
			m.up.WithLabelValues(source.Name).Set(number(err == nil))
		})
	}
	asked.Go(func() { m.storage.sample(ctx) })
	asked.Wait()
}

// sample asks one of the service's own streams. What one that does not answer held, is shown on.
func (m *streamMetrics) sample(ctx context.Context, stream string) (eventstore.Size, error) {
	size, err := m.server.store.Size(ctx, stream)
	m.up.WithLabelValues(stream).Set(number(err == nil))
	if err == nil {
		m.messages.WithLabelValues(stream).Set(float64(size.Messages))
		m.bytes.WithLabelValues(stream).Set(float64(size.Bytes))
	}
	return size, err
}
