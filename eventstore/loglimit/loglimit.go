// Package loglimit keeps other services from flooding the log. What they send leads to warnings and errors, as foreign
// messages in the stream do, or logins to the embedded server that fail.
package loglimit

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	perMinute = 100  // lines of one kind
	kinds     = 1000 // that are remembered, the most recent ones
)

// New returns a logger that passes on a hundred warnings and errors of each kind a minute, and everything below. A line
// after suppressed ones has their number in the attribute suppressed. The kind is the message up to a colon.
func New(log *slog.Logger) *slog.Logger {
	limits, _ := lru.New[string, *limit](kinds) // fails for a size below 1 only
	return slog.New(handler{log.Handler(), limits})
}

type handler struct {
	slog.Handler
	limits *lru.Cache[string, *limit]
}

// limit is that of one kind.
type limit struct {
	rate       *rate.Limiter
	suppressed atomic.Int64
}

func (h handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attributes), h.limits}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.limits}
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return h.Handler.Handle(ctx, r)
	}
	kind, _, _ := strings.Cut(r.Message, ":")
	l := &limit{rate: rate.NewLimiter(rate.Every(time.Minute/perMinute), perMinute)}
	if known, found, _ := h.limits.PeekOrAdd(kind, l); found {
		l = known
	}
	if !l.rate.Allow() {
		l.suppressed.Add(1)
		return nil
	}
	if n := l.suppressed.Swap(0); n > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int64("suppressed", n))
	}
	return h.Handler.Handle(ctx, r)
}
