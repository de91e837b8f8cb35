package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// traced reports whether the standard variables of OpenTelemetry ask for traces, and notes which of them ask for what
// there is not: traces go by OTLP over HTTP, in protobuf, with W3C trace context. The rest of the variables, for the
// exporter, the sampler and the resource, are OpenTelemetry's own to read.
func (f *settingFaults) traced() bool {
	for variable, possible := range map[string][]string{
		"OTEL_TRACES_EXPORTER":               {"otlp", "none"},
		"OTEL_EXPORTER_OTLP_PROTOCOL":        {"http/protobuf"},
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": {"http/protobuf"},
		"OTEL_SDK_DISABLED":                  {"true", "false"},
	} {
		if value := os.Getenv(variable); value != "" && !slices.Contains(possible, value) {
			f.add(variable, "%q is not one of %s", value, strings.Join(possible, ", "))
		}
	}
	for name := range strings.SplitSeq(cmp.Or(os.Getenv("OTEL_PROPAGATORS"), "tracecontext"), ",") {
		if name := strings.TrimSpace(name); name != "tracecontext" && name != "baggage" {
			f.add("OTEL_PROPAGATORS", "%q is not one of tracecontext, baggage", name)
		}
	}
	wanted := false
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		value := os.Getenv(variable)
		if value == "" {
			continue
		}
		wanted = true
		if u, err := url.Parse(value); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			f.add(variable, "is not the URL of a collector, as http://127.0.0.1:4318")
		}
	}
	return wanted && os.Getenv("OTEL_TRACES_EXPORTER") != "none" && os.Getenv("OTEL_SDK_DISABLED") != "true"
}

// traceEnd is how long the last spans may take to their collector.
const traceEnd = time.Second

// trace begins to send traces, where that is asked for. A collector that is not there holds up nobody: spans that find no
// room in the queue are left out.
func (s *service) trace(ctx context.Context) error {
	if !s.settings.traced {
		return nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	v := currentVersion()
	what, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "clients"), attribute.String("service.version", v.Version)), resource.WithFromEnv())
	if err != nil {
		s.log.Warn("traces: part of OTEL_RESOURCE_ATTRIBUTES is left out", "error", err)
	}
	otel.SetErrorHandler(&traceErrors{log: s.log})
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(what))
	s.tracer = provider.Tracer("clients")
	s.onStop(func() {
		ctx, cancel := context.WithTimeout(context.Background(), traceEnd)
		defer cancel()
		_ = provider.Shutdown(ctx)
	})
	return nil
}

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
