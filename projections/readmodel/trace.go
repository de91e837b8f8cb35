package readmodel

import (
	"context"

	"go.opentelemetry.io/otel/trace"
)

// spanOfRefresh begins the span of a wait for the stream's end, where the request that waits is traced.
func spanOfRefresh(ctx context.Context) (end func()) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return func() {}
	}
	_, span := parent.TracerProvider().Tracer("clients/projections").Start(ctx, "await the end of the stream")
	return func() { span.End() }
}
