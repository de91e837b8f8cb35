package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"clients/eventstore/upstream"

	"github.com/prometheus/client_golang/prometheus"
)

// newDirectoryLag shows how far reads are behind the stream of events.
func (s *Server) newDirectoryLag() *lag {
	l := &lag{}
	s.showLag(nil, "clients_projection_lag_events", "Messages of the stream that reads do not show yet.",
		"clients_projection_lag_seconds", "How long the stream has been known to hold what reads do not show; 0 while they show all that is known.",
		func(now time.Time) (uint64, time.Duration) { return l.behind(s.directory.Sequence(), now) })
	return l
}

// sourceLag is how far what is taken in is behind the stream of another service.
type sourceLag struct {
	upstream.Stream
	lag
	server *Server

	mu      sync.Mutex
	created time.Time // of the stream; zero where there is none
}

// newSourceLag shows it.
func (s *Server) newSourceLag(stream upstream.Stream) *sourceLag {
	l := &sourceLag{Stream: stream, server: s}
	s.showLag(prometheus.Labels{"stream": stream.Name},
		"clients_references_lag_messages", "Messages of another service's stream that have not been taken in yet.",
		"clients_references_lag_seconds", "How long another service's stream has been known to hold what was not taken in; 0 while all that is known was.",
		func(now time.Time) (uint64, time.Duration) { return l.behind(l.reached(), now) })
	return l
}

// sample asks the source where it stands.
func (l *sourceLag) sample(ctx context.Context) error {
	state, err := l.server.upstream.State(ctx, l.Stream)
	if err != nil && !errors.Is(err, upstream.ErrMissing) {
		return err
	}
	l.follow(state.Created)
	if err == nil {
		l.found(state.Last, time.Now())
	}
	return err
}

// follow makes it the lag of the stream that was created then.
func (l *sourceLag) follow(created time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !created.Equal(l.created) {
		l.created = created
		l.forget()
	}
}

// reached is how far the source is on record.
func (l *sourceLag) reached() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	reached, _ := l.server.directory.Reached(l.Name, l.created)
	return reached.Sequence
}

// showLag shows a lag as it is at each scrape, in messages and in seconds.
func (s *Server) showLag(labels prometheus.Labels, messages, messagesHelp, seconds, secondsHelp string, behind func(time.Time) (uint64, time.Duration)) {
	s.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: messages, Help: messagesHelp, ConstLabels: labels}, func() float64 {
			count, _ := behind(time.Now())
			return float64(count)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: seconds, Help: secondsHelp, ConstLabels: labels}, func() float64 {
			_, since := behind(time.Now())
			return since.Seconds()
		}))
}
