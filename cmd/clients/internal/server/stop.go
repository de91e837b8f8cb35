package server

import (
	"context"
	"time"
)

// Limits of a stop: for requests in progress, also of a server that is broken, for the last snapshot, without which
// the next start reads more of the stream, and for all of it.
const (
	requestLimit  = 12 * time.Second
	brokenLimit   = 3 * time.Second
	lastSaveLimit = 8 * time.Second
	stopLimit     = 23 * time.Second
)

// Wait returns when the server has stopped: after ctx ends, within 25 s and without an error, or when it is broken and
// the process has to be restarted.
func (s *Server) Wait(ctx context.Context) (broken error) {
	limit := requestLimit
	select {
	case <-ctx.Done():
		s.log.Info("stopping", "delay", s.config.ShutdownDelay)
		s.stopBy = time.Now().Add(stopLimit)
		s.setNotReady("stopping")
		s.draining.Store(true)
		time.Sleep(s.config.ShutdownDelay)
	case broken = <-s.broken:
		s.log.Error("stopping, restart required", "error", broken)
		s.draining.Store(true)
		limit = brokenLimit
	}
	limited, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := s.apiServer.Shutdown(limited); err != nil {
		s.log.Warn("requests in progress cut off", "error", err)
		_ = s.apiServer.Close()
	}
	s.stopAll()
	s.log.Info("stopped")
	return broken
}

// saveLast saves a snapshot at the end, except after a failed start.
func (s *Server) saveLast() {
	if s.stopBy.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), min(lastSaveLimit, time.Until(s.stopBy)))
	defer cancel()
	s.snapshotter.Save(ctx)
}

// parts are what was started and has to be stopped.
type parts struct{ stops []func() }

// onStop registers what stops a part. The last one runs first.
func (p *parts) onStop(stop func()) { p.stops = append(p.stops, stop) }

// background runs run until the parts are stopped, which waits for it.
func (p *parts) background(run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	p.onStop(func() { cancel(); <-done })
}

// every calls do at once and then at an interval, until the parts are stopped.
func (p *parts) every(interval time.Duration, do func(context.Context)) {
	p.background(func(ctx context.Context) {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for ctx.Err() == nil {
			do(ctx)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
}

func (p *parts) stopAll() {
	for i := len(p.stops) - 1; i >= 0; i-- {
		p.stops[i]()
	}
}
