// Package tracing sends traces to an OpenTelemetry collector, as the OTEL_ variables say.
//
//	Start ──OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_TRACES_EXPORTER──> exporter ──batches──> collector
//	  └──neither is set──> no tracer: nothing is traced and nothing is paid for it
//
// The variables are those of the OpenTelemetry specification; package autoexport and the SDK read them. Without
// OTEL_EXPORTER_OTLP_PROTOCOL traces go by HTTP in protobuf. A variable with an invalid value is logged as a warning and
// its default is used, except for the name of an exporter or protocol, which fails the start.
//
// A collector that is not reachable delays nothing: spans are dropped when their queue is full, and the loss is logged
// once a minute at most. Stopping waits up to a second for the last spans.
//
// Spans hold no data of a client.
package tracing

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// stopTimeout is how long the last spans may take to the collector.
const stopTimeout = time.Second

// Start begins to send traces, if the variables ask for it, and returns what stops it. Otherwise the tracer is nil.
func Start(ctx context.Context, version string, log *slog.Logger) (tracer trace.Tracer, stop func(), err error) {
	if !wanted() {
		return nil, func() {}, nil
	}
	useLog(log)
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("start tracing: %w", err)
	}
	what, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "clients"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("start tracing: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(what))
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		_ = provider.Shutdown(ctx)
	}
	return provider.Tracer("clients"), stop, nil
}

// wanted reports whether the variables ask for traces.
func wanted() bool {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return cmp.Or(os.Getenv("OTEL_TRACES_EXPORTER"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")) != ""
}
