package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"clients/cmd/clients/internal/terminal"

	"github.com/nats-io/nats.go"
)

// readiness is why a server is not ready, apart from its read model.
type readiness struct {
	reason atomic.Pointer[notReady] // nil when it is ready
	end    atomic.Uint64            // sequence that the read model has to reach before the server is ready; 0 if unknown
}

// notReady is a reason. A start consists of steps, one after the other.
type notReady struct {
	what    string // or the step of the start
	isStep  bool
	warning string // the last one of the step: what it waits for
}

func (r *readiness) setReady() { r.reason.Store(nil) }

func (r *readiness) setNotReady(reason string) { r.reason.Store(&notReady{what: reason}) }

func (r *readiness) setStep(what string) { r.reason.Store(&notReady{what: what, isStep: true}) }

// warn notes a warning of the present step of the start. Later there is none.
func (r *readiness) warn(warning string) {
	if now := r.reason.Load(); now != nil && now.isStep {
		r.reason.CompareAndSwap(now, &notReady{now.what, true, warning})
	}
}

// ready returns why requests should go to another replica, or nil.
func (s *Server) ready() error {
	now := s.reason.Load()
	switch {
	case now == nil:
		return s.directory.Err()
	case !now.isStep:
		return errors.New(now.what)
	}
	text := "starting: " + now.what
	if end := s.end.Load(); end > 0 {
		text += fmt.Sprintf(" (%d %%)", 100*min(s.directory.Sequence(), end)/end)
	}
	if now.warning != "" {
		text += ": " + now.warning
	}
	return errors.New(s.permissions.explain(text))
}

// readOnly returns why writes cannot be carried out while the server is ready, "" while they can.
func (s *Server) readOnly() string {
	if s.reason.Load() != nil {
		return ""
	}
	return s.permissions.explain(s.refusesWrites())
}

// refusesWrites returns why NATS does not accept writes, "" while it does.
func (s *Server) refusesWrites() string {
	if reason := s.store.ReadOnly(); reason != "" || s.streams.reachable() {
		return reason
	}
	switch {
	case s.nc.IsConnected():
		return "stream CLIENTS has no leader"
	case errors.Is(s.nc.LastError(), nats.ErrAuthorization):
		return "NATS rejects the login"
	}
	return "NATS cannot be reached"
}

// startLog passes on what is logged, and shows the warnings of a start by /readyz.
type startLog struct {
	slog.Handler
	readiness *readiness
}

func (l startLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level == slog.LevelWarn || l.Handler.Enabled(ctx, level)
}

func (l startLog) Handle(ctx context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		warning := r.Message
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "error" || a.Key == "reason" {
				warning += ": " + terminal.Readable(a.Value.String())
			}
			return true
		})
		l.readiness.warn(warning)
	}
	if !l.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return l.Handler.Handle(ctx, r)
}

func (l startLog) WithAttrs(attributes []slog.Attr) slog.Handler {
	return startLog{l.Handler.WithAttrs(attributes), l.readiness}
}
