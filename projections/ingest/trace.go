package ingest

import (
	"context"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traced goes on with the trace that a message of another service belongs to. tracer is nil where nothing is traced.
func traced(tracer trace.Tracer) message.HandlerMiddleware {
	return func(next message.HandlerFunc) message.HandlerFunc {
		if tracer == nil {
			return next
		}
		return func(msg *message.Message) ([]*message.Message, error) {
			m := sourceOf(msg)
			event, _ := readEvent(m)
			carrier := propagation.MapCarrier{"traceparent": event.traceparent, "tracestate": header(m.Header, "tracestate")}
			ctx, span := tracer.Start(propagation.TraceContext{}.Extract(msg.Context(), carrier), "process "+m.Stream,
				trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
					attribute.String("messaging.system", "nats"),
					attribute.String("messaging.operation.type", "process"),
					attribute.String("messaging.destination.name", m.Stream),
					attribute.Int64("clients.message.sequence", int64(m.Sequence)),
					attribute.String("clients.event.type", event.kind),
				))
			defer span.End()
			msg.SetContext(ctx)
			produced, err := next(msg)
			if err != nil {
				span.SetStatus(codes.Error, "")
				span.RecordError(err)
			}
			return produced, err
		}
	}
}

// traceparent is the span that deals with a message, "" where there is none.
func traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	if trace.SpanContextFromContext(ctx).IsValid() {
		propagation.TraceContext{}.Inject(ctx, carrier)
	}
	return carrier["traceparent"]
}

// plainTrace returns a traceparent that another service has sent, or "" for what cannot be one.
func plainTrace(traceparent string) string {
	if strings.Trim(traceparent, "0123456789abcdef-") != "" {
		return ""
	}
	return brief(traceparent)
}

// spanOfFence begins the span of a command's wait for what other services have said.
func spanOfFence(ctx context.Context) (end func(err error)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return func(error) {}
	}
	_, span := parent.TracerProvider().Tracer("clients/intake").Start(ctx, "await projects and invoices")
	return func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
