package tracing

import (
	"log/slog"
	"time"

	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
	"golang.org/x/time/rate"
)

// warnings is the level of logr up to which OpenTelemetry reports errors and warnings.
const warnings = 1

// useLog makes OpenTelemetry, which writes to stderr otherwise, use the log. Lost traces are logged once a minute at most.
func useLog(log *slog.Logger) {
	report := func(_, details string) { log.Warn("traces: OpenTelemetry warning", "details", details) }
	otel.SetLogger(funcr.New(report, funcr.Options{Verbosity: warnings}))
	lost := rate.Sometimes{Interval: time.Minute}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		lost.Do(func() { log.Warn("traces lost", "error", err) })
	}))
}
