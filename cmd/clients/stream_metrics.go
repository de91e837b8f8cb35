package main

import (
	"context"
	"time"

	"clients/eventstore"

	"github.com/prometheus/client_golang/prometheus"
)

// How often the streams are asked how they are, and how long they are waited for. A scrape does not ask them: it shows
// the last answers.
const (
	sampleEvery = 5 * time.Second
	sampleLimit = 2 * time.Second
)

// streamMetrics show how the streams are, and how far this replica is behind them.
type streamMetrics struct {
	service *service

	up       *prometheus.GaugeVec
	messages *prometheus.GaugeVec
	bytes    *prometheus.GaugeVec
	lag      prometheus.Gauge
	late     prometheus.Gauge
	pending  *prometheus.GaugeVec

	caughtUp time.Time // when the directory last showed all that the stream held
}

// sampleStreams begins to look at the streams.
func (s *service) sampleStreams(context.Context) error {
	m := s.newStreamMetrics()
	sampling, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); m.run(sampling) }()
	s.onStop(func() { cancel(); <-ended })
	return nil
}

func (s *service) newStreamMetrics() *streamMetrics {
	gauges := func(name, help string) *prometheus.GaugeVec {
		vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"stream"})
		s.registry.MustRegister(vec)
		return vec
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		s.registry.MustRegister(g)
		return g
	}
	return &streamMetrics{
		service:  s,
		caughtUp: time.Now(),
		up:       gauges("clients_stream_up", "1 while the stream's leader answers and has heard of a majority of its servers."),
		messages: gauges("clients_stream_messages", "Messages that the stream holds."),
		bytes:    gauges("clients_stream_bytes", "Bytes that the stream takes, on each of its servers."),
		lag:      gauge("clients_projection_lag_events", "Messages of the stream that reads do not show yet."),
		late:     gauge("clients_projection_lag_seconds", "How long ago reads last showed all that the stream held; 0 while they do."),
		pending:  gauges("clients_references_lag_messages", "Messages of another service's stream that have not been taken in yet."),
	}
}

func (m *streamMetrics) run(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		m.sample(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// sample asks each stream once. What a stream that does not answer held, is shown on.
func (m *streamMetrics) sample(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sampleLimit)
	defer cancel()
	for _, stream := range []string{eventstore.Stream, eventstore.QuarantineStream} {
		size, err := m.service.store.Size(ctx, stream)
		m.up.WithLabelValues(stream).Set(number(err == nil))
		if err != nil {
			continue
		}
		m.messages.WithLabelValues(stream).Set(float64(size.Messages))
		m.bytes.WithLabelValues(stream).Set(float64(size.Bytes))
		if stream == eventstore.Stream {
			m.behind(size.Last)
		}
	}
	for _, source := range []eventstore.Source{eventstore.Projects, eventstore.Invoices} {
		state, err := m.service.store.SourceState(ctx, source)
		m.up.WithLabelValues(source.Stream).Set(number(err == nil))
		if err != nil {
			continue
		}
		reached, _ := m.service.directory.Reached(source.Stream, state.Created)
		m.pending.WithLabelValues(source.Stream).Set(float64(state.Last - min(state.Last, reached.Sequence)))
	}
	m.late.Set(0)
	if late := time.Since(m.caughtUp); late > sampleEvery+2*sampleLimit { // else it was there when it was last looked at
		m.late.Set(late.Seconds())
	}
}

// behind compares the directory with the stream's last sequence, as it was a moment ago.
func (m *streamMetrics) behind(last uint64) {
	sequence := m.service.directory.Sequence()
	m.lag.Set(float64(last - min(last, sequence)))
	if sequence >= last {
		m.caughtUp = time.Now()
	}
}
