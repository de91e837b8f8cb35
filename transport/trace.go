package transport

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// beginSpan starts a span in the caller's trace, or in a new one, if requests are traced.
func (x *exchange) beginSpan() {
	if x.api.Tracer == nil {
		return
	}
	method := x.r.Method
	if callsOf[x.route.resource][method] == nil {
		method = "_OTHER"
	}
	scheme := "http"
	if x.r.TLS != nil {
		scheme = "https"
	}
	ctx := propagation.TraceContext{}.Extract(x.r.Context(), propagation.HeaderCarrier(x.r.Header))
	ctx, x.span = x.api.Tracer.Start(ctx, method+" "+string(x.route.resource), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", method),
		attribute.String("http.route", string(x.route.resource)),
		attribute.String("url.scheme", scheme),
		attribute.String("url.path", x.r.URL.Path),
		attribute.String("clients.request_id", x.requestID),
	))
	x.r = x.r.WithContext(ctx)
}

// endSpan ends the span with the status of the response.
func (x *exchange) endSpan() {
	if x.span == nil {
		return
	}
	x.span.SetAttributes(attribute.Int("http.response.status_code", x.w.status))
	if x.w.status >= http.StatusInternalServerError {
		x.span.SetStatus(codes.Error, "")
	}
	x.span.End()
}

// traceID returns the trace of the request, "" if requests are not traced.
func (x *exchange) traceID() string {
	if x.span == nil {
		return ""
	}
	return x.span.SpanContext().TraceID().String()
}

// traceparent returns the W3C trace context for the events of the request: its span or, if requests are not traced, a new
// span of the caller's trace.
func (x *exchange) traceparent() string {
	if x.span == nil {
		return traceparent(x.r)
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(x.r.Context(), carrier)
	return carrier["traceparent"]
}

func traceparent(r *http.Request) string {
	parent := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(r.Header)))
	traceID := parent.TraceID().String()
	if !parent.IsValid() {
		traceID = fmt.Sprintf("%016x%016x", rand.Uint64()|1, rand.Uint64())
	}
	return fmt.Sprintf("00-%s-%016x-%s", traceID, rand.Uint64()|1, parent.TraceFlags())
}
