package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
)

// logTraces has OpenTelemetry, which would write to stderr by itself, say in the log what it has to say.
func logTraces(log *slog.Logger) {
	otel.SetLogger(logr.FromSlogHandler(traceLog{log.Handler()}))
	otel.SetErrorHandler(&traceErrors{log: log})
}

// traceLog hands on what OpenTelemetry says, whose warnings come as slog's level -1. Its news are for debugging.
type traceLog struct{ slog.Handler }

const traceWarning = slog.Level(-1)

func traceLevel(level slog.Level) slog.Level {
	switch {
	case level >= slog.LevelError:
		return slog.LevelError
	case level >= traceWarning:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// Enabled reports whether anybody wants to know.
func (l traceLog) Enabled(ctx context.Context, level slog.Level) bool {
	return l.Handler.Enabled(ctx, traceLevel(level))
}

// Handle logs at a level of the service's own.
func (l traceLog) Handle(ctx context.Context, record slog.Record) error {
	record.Level = traceLevel(record.Level)
	record.Message = "traces: " + record.Message
	return l.Handler.Handle(ctx, record)
}

// WithAttrs answers one that adds attributes.
func (l traceLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traceLog{l.Handler.WithAttrs(attrs)}
}

// WithGroup answers one that puts attributes into a group.
func (l traceLog) WithGroup(name string) slog.Handler { return traceLog{l.Handler.WithGroup(name)} }

// traceErrors logs what goes wrong with traces, once a minute at most.
type traceErrors struct {
	log  *slog.Logger
	mu   sync.Mutex
	last time.Time
}

// Handle logs an error.
func (t *traceErrors) Handle(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.last) < time.Minute {
		return
	}
	t.last = time.Now()
	t.log.Warn("traces are lost", "error", err)
}
