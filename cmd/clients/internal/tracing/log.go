package tracing

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
)

// useLog makes OpenTelemetry, which writes to stderr otherwise, use the log.
func useLog(log *slog.Logger) {
	otel.SetLogger(logr.FromSlogHandler(handler{log.Handler()}))
	otel.SetErrorHandler(&errorHandler{log: log})
}

// handler maps the levels of OpenTelemetry: its warnings are slog's level -1, and its infos are for debugging.
type handler struct{ slog.Handler }

const warning = slog.Level(-1)

func mapped(level slog.Level) slog.Level {
	switch {
	case level >= slog.LevelError:
		return slog.LevelError
	case level >= warning:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// Enabled reports whether a level is logged.
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(ctx, mapped(level))
}

// Handle logs a record.
func (h handler) Handle(ctx context.Context, record slog.Record) error {
	record.Level = mapped(record.Level)
	record.Message = "traces: " + record.Message
	return h.Handler.Handle(ctx, record)
}

// WithAttrs returns a handler with further attributes.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup returns a handler that puts attributes into a group.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

// errorHandler logs lost traces, once a minute at most.
type errorHandler struct {
	log  *slog.Logger
	mu   sync.Mutex
	last time.Time
}

// Handle logs an error.
func (e *errorHandler) Handle(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Since(e.last) < time.Minute {
		return
	}
	e.last = time.Now()
	e.log.Warn("traces lost", "error", err)
}
