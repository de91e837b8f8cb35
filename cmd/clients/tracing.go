package main

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// traceEnd is how long the last spans may take to their collector.
const traceEnd = time.Second

// trace begins to send traces, where that is asked for. A collector that is not there holds up nobody: spans that find no
// room in the queue are left out.
func (s *service) trace(ctx context.Context) error {
	if !s.settings.traced {
		return nil
	}
	logTraces(s.log)
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	v := currentVersion()
	what, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "clients"), attribute.String("service.version", v.Version)), resource.WithFromEnv())
	if err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(what))
	s.tracer = provider.Tracer("clients")
	s.onStop(func() {
		ctx, cancel := context.WithTimeout(context.Background(), traceEnd)
		defer cancel()
		_ = provider.Shutdown(ctx)
	})
	return nil
}
