package eventstore

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// LimitLog returns a logger whose warnings and errors other services cannot flood the log with: of each kind it passes on
// a hundred a minute, and at the end of the minute the last one with the number of those between in the attribute suppressed. The
// kind is the message up to a colon.
func LimitLog(log *slog.Logger) *slog.Logger {
	return slog.New(limitHandler{log.Handler(), &logLimits{pause: time.Minute, kinds: make(map[string]*logLimit)}})
}

const linesPerPause = 100

type limitHandler struct {
	slog.Handler
	limits *logLimits
}

type logLimits struct {
	pause time.Duration
	mu    sync.Mutex
	kinds map[string]*logLimit
}

// logLimit is what was logged of a kind since its minute began.
type logLimit struct {
	count int
	last  slog.Record
	to    slog.Handler
}

func (h limitHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return limitHandler{h.Handler.WithAttrs(attributes), h.limits}
}

func (h limitHandler) WithGroup(name string) slog.Handler {
	return limitHandler{h.Handler.WithGroup(name), h.limits}
}

func (h limitHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn || h.limits.pass(r, h.Handler) {
		return h.Handler.Handle(ctx, r)
	}
	return nil
}

func (l *logLimits) pass(r slog.Record, to slog.Handler) bool {
	kind, _, _ := strings.Cut(r.Message, ":")
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := l.kinds[kind]
	if limit == nil {
		limit = &logLimit{}
		l.kinds[kind] = limit
		time.AfterFunc(l.pause, func() { l.end(kind) })
	}
	limit.count++
	if limit.count <= linesPerPause {
		return true
	}
	limit.last, limit.to = r.Clone(), to
	return false
}

// end ends the minute of a kind.
func (l *logLimits) end(kind string) {
	l.mu.Lock()
	limit := l.kinds[kind]
	delete(l.kinds, kind)
	l.mu.Unlock()
	if suppressed := limit.count - linesPerPause; suppressed > 0 {
		limit.last.Add("suppressed", suppressed-1)
		_ = limit.to.Handle(context.Background(), limit.last)
	}
}
