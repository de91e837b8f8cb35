package ingest

import (
	"context"

	"clients/eventstore/upstream"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// interpretRun interprets the messages of a run. Each continues the trace that it belongs to, until end is called.
func (l *loop) interpretRun(ctx context.Context, run []upstream.Message) (items []*item, end func()) {
	var spans []trace.Span
	for _, m := range run {
		i := interpret(m)
		items = append(items, i)
		if l.Tracer == nil {
			continue
		}
		carrier := propagation.MapCarrier{"traceparent": i.cloud.traceparent, "tracestate": header(m.Header, "tracestate")}
		ctx, span := l.Tracer.Start(propagation.TraceContext{}.Extract(ctx, carrier), "process "+m.Stream,
			trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
				attribute.String("messaging.system", "nats"),
				attribute.String("messaging.operation.type", "process"),
				attribute.String("messaging.destination.name", m.Stream),
				attribute.Int64("clients.message.sequence", int64(m.Sequence)),
				attribute.String("clients.event.type", i.cloud.kind),
			))
		if i.cloud.traceparent != "" { // what follows from the message belongs to the span
			propagation.TraceContext{}.Inject(ctx, carrier)
			i.cloud.traceparent = carrier["traceparent"]
		}
		spans = append(spans, span)
	}
	return items, func() {
		for _, span := range spans {
			span.End()
		}
	}
}

// validTrace returns a traceparent that another service has sent, in version 00 of its form, or "" for an invalid one.
func validTrace(traceparent string) string {
	carrier, trace := propagation.MapCarrier{"traceparent": traceparent}, propagation.TraceContext{}
	ctx := trace.Extract(context.Background(), carrier)
	delete(carrier, "traceparent")
	trace.Inject(ctx, carrier)
	return carrier["traceparent"]
}
