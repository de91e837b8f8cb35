// Package metrics samples the streams in NATS and shows their state to Prometheus: whether each has a leader with a quorum,
// its size, the storage of the account, and how far the service is behind. A scrape shows the last sample and sends no
// request itself.
//
//	Run, every second:     CLIENTS                                   -> up, size, projection lag
//	Run, every 5 seconds:  the other streams, PROJECTS and INVOICES  -> up, size, reference lag, storage
//
// A stream that does not respond keeps the size of its last sample.
package metrics

import (
	"context"
	"sync"
	"time"

	"clients/eventstore"
	"clients/eventstore/idempotency"
	"clients/eventstore/upstream"
	"clients/projections/readmodel"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	eventsInterval = time.Second
	othersInterval = 5 * time.Second
	sampleTimeout  = 2 * time.Second
)

// Config is what streams are sampled with.
type Config struct {
	Registry  *prometheus.Registry
	Store     *eventstore.Store
	Upstream  *upstream.Client
	Directory *readmodel.Directory
	// Room returns how many bytes an embedded store may take that now takes used; nil with external NATS.
	Room func(used uint64) uint64
}

// Streams are the metrics of all streams.
type Streams struct {
	config   Config
	up       *prometheus.GaugeVec
	messages *prometheus.GaugeVec
	bytes    *prometheus.GaugeVec
	storage  *storage
	events   *lag
	upstream []*upstreamLag
}

// NewStreams registers the metrics. Run keeps them up to date.
func NewStreams(config Config) *Streams {
	gauges := func(name, help string) *prometheus.GaugeVec {
		vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"stream"})
		config.Registry.MustRegister(vec)
		return vec
	}
	return &Streams{
		config:   config,
		up:       gauges("clients_stream_up", "1 while the stream's leader responds and has a quorum."),
		messages: gauges("clients_stream_messages", "Messages in the stream."),
		bytes:    gauges("clients_stream_bytes", "Bytes of the stream, on each of its servers."),
		storage:  newStorage(config),
		events:   newDirectoryLag(config),
		upstream: []*upstreamLag{newUpstreamLag(config, upstream.Projects), newUpstreamLag(config, upstream.Invoices)},
	}
}

// Run samples until ctx ends.
func (s *Streams) Run(ctx context.Context) {
	var samplers sync.WaitGroup
	samplers.Go(func() { every(ctx, eventsInterval, s.sampleEvents) })
	samplers.Go(func() { every(ctx, othersInterval, s.sampleOthers) })
	samplers.Wait()
}

// every calls sample at once and then at an interval, until ctx ends.
func every(ctx context.Context, interval time.Duration, sample func(context.Context)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, sampleTimeout)
		sample(limited)
		cancel()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Streams) sampleEvents(ctx context.Context) {
	if size, err := s.sample(ctx, eventstore.Stream); err == nil {
		s.events.observe(size.Last, time.Now())
	}
}

// sampleOthers samples all other streams at the same time: one that does not respond delays no other.
func (s *Streams) sampleOthers(ctx context.Context) {
	var requests sync.WaitGroup
	for _, stream := range []string{eventstore.IDStream, eventstore.QuarantineStream, idempotency.Stream, "OBJ_" + eventstore.SnapshotsBucket} {
		requests.Go(func() { _, _ = s.sample(ctx, stream) })
	}
	for _, l := range s.upstream {
		requests.Go(func() { s.setUp(l.stream.Name, l.sample(ctx)) })
	}
	requests.Go(func() { s.storage.sample(ctx) })
	requests.Wait()
}

// sample requests the size of one of the service's own streams.
func (s *Streams) sample(ctx context.Context, stream string) (eventstore.Size, error) {
	size, err := s.config.Store.Size(ctx, stream)
	s.setUp(stream, err)
	if err == nil {
		s.messages.WithLabelValues(stream).Set(float64(size.Messages))
		s.bytes.WithLabelValues(stream).Set(float64(size.Bytes))
	}
	return size, err
}

func (s *Streams) setUp(stream string, err error) {
	up := 1.0
	if err != nil {
		up = 0
	}
	s.up.WithLabelValues(stream).Set(up)
}
