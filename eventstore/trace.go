package eventstore

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// spanOfAppend begins the span of an append, if the request that leads to it is traced. The function that it returns ends it.
func spanOfAppend(ctx context.Context, kind string) (end func(err error)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return func(error) {}
	}
	_, span := parent.TracerProvider().Tracer("clients/eventstore").Start(ctx, "publish "+Stream, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.type", "send"),
		attribute.String("messaging.destination.name", Stream),
		attribute.String("messaging.destination.template", "clients.{account}.{client-id}"),
		attribute.String("clients.event.type", kind),
	))
	return func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
			span.RecordError(err)
		}
		span.End()
	}
}
