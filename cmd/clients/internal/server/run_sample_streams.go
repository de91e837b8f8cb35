package server

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/idempotency"
	"clients/eventstore/upstream"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

const sampleTimeout = 2 * time.Second

// streamSampler samples the streams in NATS and shows their state to Prometheus: whether each has a leader with a quorum, its size,
// its last sequence and how far the service has read it, and the storage of the account. A scrape shows the last sample and sends
// no request itself. A stream that does not respond keeps the values of its last sample.
//
// How far, and for how long, reads are behind follows in PromQL: reads that do not show what the stream held 30 s ago are
// clients_stream_last_sequence{stream="CLIENTS"} offset 30s > ignoring (stream) clients_projection_sequence.
type streamSampler struct {
	*Server
	up, messages, bytes, last, read *prometheus.GaugeVec
	used, limit                     prometheus.Gauge
	unreachable                     atomic.Bool
}

// newStreamSampler registers the metrics. sampleEvents and sampleOthers bring them up to date.
func newStreamSampler(server *Server) *streamSampler {
	register := promauto.With(server.registry)
	gauges := func(name, help string) *prometheus.GaugeVec {
		return register.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"stream"})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return register.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	s := &streamSampler{
		Server:   server,
		up:       gauges("clients_stream_up", "1 while the stream's leader responds and has a quorum."),
		messages: gauges("clients_stream_messages", "Messages in the stream."),
		bytes:    gauges("clients_stream_bytes", "Bytes of the stream, on each of its servers."),
		last:     gauges("clients_stream_last_sequence", "Sequence of the last message of the stream."),
		read:     gauges("clients_references_sequence", "Sequence up to which another service's stream is ingested."),
		used:     gauge("clients_storage_used_bytes", "Bytes that the streams of the NATS account use, on all of its servers together."),
		limit:    gauge("clients_storage_limit_bytes", "Bytes that the streams of the NATS account may use, on all of its servers together; +Inf if unknown."),
	}
	s.limit.Set(math.Inf(1))
	return s
}

// reachable reports whether the leader of CLIENTS has responded to the last sample and had a quorum.
func (s *streamSampler) reachable() bool { return !s.unreachable.Load() }

// sampleEvents samples CLIENTS.
func (s *streamSampler) sampleEvents(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sampleTimeout)
	defer cancel()
	err := s.sample(ctx, eventstore.Stream)
	s.unreachable.Store(err != nil)
}

// sampleOthers samples all other streams at the same time: one that does not respond delays no other.
func (s *streamSampler) sampleOthers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sampleTimeout)
	defer cancel()
	var requests sync.WaitGroup
	for _, stream := range []string{eventstore.IDStream, deadletter.Stream, idempotency.Stream, eventstore.SnapshotsStream} {
		requests.Go(func() { _ = s.sample(ctx, stream) })
	}
	for _, stream := range []upstream.Stream{upstream.Projects, upstream.Invoices} {
		requests.Go(func() { s.sampleUpstream(ctx, stream) })
	}
	requests.Go(func() { s.sampleStorage(ctx) })
	requests.Wait()
}

// sample requests the size of one of the service's own streams.
func (s *streamSampler) sample(ctx context.Context, stream string) error {
	size, err := s.store.Size(ctx, stream)
	s.up.WithLabelValues(stream).Set(number(err == nil))
	if err == nil {
		s.messages.WithLabelValues(stream).Set(float64(size.Messages))
		s.bytes.WithLabelValues(stream).Set(float64(size.Bytes))
		s.last.WithLabelValues(stream).Set(float64(size.Last))
	}
	return err
}

// sampleUpstream requests the end of the stream of another service, and compares it with what is ingested of it.
func (s *streamSampler) sampleUpstream(ctx context.Context, stream upstream.Stream) {
	state, err := s.upstream.State(ctx, stream)
	s.up.WithLabelValues(stream.Name).Set(number(err == nil))
	if err == nil {
		reached, _ := s.directory.Reached(stream.Name, state.Created)
		s.last.WithLabelValues(stream.Name).Set(float64(state.Last))
		s.read.WithLabelValues(stream.Name).Set(float64(reached.Sequence))
	}
}

// sampleStorage requests the storage of the account.
func (s *streamSampler) sampleStorage(ctx context.Context) {
	storage, err := s.store.Storage(ctx)
	if err != nil {
		return
	}
	if storage.Limit == 0 && s.embedded != nil {
		storage.Limit = s.embedded.Room(storage.Used)
	}
	s.used.Set(float64(storage.Used))
	s.limit.Set(math.Inf(1))
	if storage.Limit > 0 {
		s.limit.Set(float64(storage.Limit))
	}
}
