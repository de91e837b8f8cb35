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
func (r *request) beginSpan(tracer trace.Tracer) {
	if tracer == nil {
		return
	}
	method := r.Method
	if callsOf[r.route.resource][method] == nil {
		method = "_OTHER"
	}
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, r.span = tracer.Start(ctx, method+" "+string(r.route.resource), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", method),
		attribute.String("http.route", string(r.route.resource)),
		attribute.String("url.scheme", r.scheme()),
		attribute.String("url.path", r.URL.Path),
		attribute.String("clients.request_id", r.id),
	))
	r.Request = r.WithContext(ctx)
}

// endSpan ends the span with the status of the response.
func (r *request) endSpan(status int) {
	if r.span == nil {
		return
	}
	r.span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		r.span.SetStatus(codes.Error, "")
	}
	r.span.End()
}

// traceparent returns the W3C trace context for the events of the request: its span or, if requests are not traced, a new
// span of the caller's trace. It returns "" if the caller has sent none that is valid.
func (r *request) traceparent() string {
	parent := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(r.Header)))
	if !parent.IsValid() {
		return ""
	}
	if r.span == nil {
		return fmt.Sprintf("00-%s-%016x-%s", parent.TraceID(), rand.Uint64()|1, parent.TraceFlags())
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(r.Context(), carrier)
	return carrier["traceparent"]
}
