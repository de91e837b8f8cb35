package transport

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// beginSpan goes on with the caller's trace, or begins one, where requests are traced.
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

// endSpan says how the request was answered.
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

// traceID is the trace that the request belongs to; "" where requests are not traced.
func (x *exchange) traceID() string {
	if x.span == nil {
		return ""
	}
	return x.span.SpanContext().TraceID().String()
}

// traceparent is what the events of the request carry on: its own span, or where requests are not traced the caller's
// trace.
func (x *exchange) traceparent() string {
	if x.span == nil {
		return traceparent(x.r)
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(x.r.Context(), carrier)
	return carrier["traceparent"]
}
