package metrics

import (
	"context"
	"errors"
	"sync"
	"time"

	"clients/eventstore/upstream"
	"clients/projections/readmodel"

	"github.com/prometheus/client_golang/prometheus"
)

// newDirectoryLag shows how far reads are behind the stream of events.
func newDirectoryLag(config Config) *lag {
	l := &lag{}
	showLag(config.Registry, nil, "clients_projection_lag_events", "Messages of the stream that reads do not show yet.",
		"clients_projection_lag_seconds", "How long the stream has been known to hold messages that reads do not show; 0 while there are none.",
		func(now time.Time) (uint64, time.Duration) { return l.behind(config.Directory.Sequence(), now) })
	return l
}

// upstreamLag is how far ingest is behind the stream of another service.
type upstreamLag struct {
	lag
	stream    upstream.Stream
	client    *upstream.Client
	directory *readmodel.Directory

	mu      sync.Mutex
	created time.Time // of the stream; zero if there is none
}

func newUpstreamLag(config Config, stream upstream.Stream) *upstreamLag {
	l := &upstreamLag{stream: stream, client: config.Upstream, directory: config.Directory}
	showLag(config.Registry, prometheus.Labels{"stream": stream.Name},
		"clients_references_lag_messages", "Messages of another service's stream that are not ingested yet.",
		"clients_references_lag_seconds", "How long another service's stream has been known to hold messages that are not ingested; 0 while there are none.",
		func(now time.Time) (uint64, time.Duration) { return l.behind(l.reached(), now) })
	return l
}

// sample requests the state of the stream.
func (l *upstreamLag) sample(ctx context.Context) error {
	state, err := l.client.State(ctx, l.stream)
	if err != nil && !errors.Is(err, upstream.ErrMissing) {
		return err
	}
	l.setCreated(state.Created)
	if err == nil {
		l.observe(state.Last, time.Now())
	}
	return err
}

// setCreated resets the lag if the stream was created again.
func (l *upstreamLag) setCreated(created time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !created.Equal(l.created) {
		l.created = created
		l.reset()
	}
}

// reached returns the sequence up to which the stream is ingested.
func (l *upstreamLag) reached() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	reached, _ := l.directory.Reached(l.stream.Name, l.created)
	return reached.Sequence
}

// showLag registers a lag in messages and in seconds, both computed at each scrape.
func showLag(
	registry *prometheus.Registry, labels prometheus.Labels, messages, messagesHelp, seconds, secondsHelp string,
	behind func(time.Time) (uint64, time.Duration),
) {
	registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: messages, Help: messagesHelp, ConstLabels: labels}, func() float64 {
			count, _ := behind(time.Now())
			return float64(count)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: seconds, Help: secondsHelp, ConstLabels: labels}, func() float64 {
			_, since := behind(time.Now())
			return since.Seconds()
		}))
}
