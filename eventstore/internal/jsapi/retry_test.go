package jsapi_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// After the deadline the error is what stood in the way, not that time is over.
func TestRetryReturnsWhatFailed(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	noRoom := &jetstream.APIError{Code: 500, ErrorCode: 10047, Description: "insufficient storage resources available"}
	err := jsapi.Retry(ctx, slog.New(slog.DiscardHandler), func(ctx context.Context) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return noRoom
	})
	require.ErrorIs(t, err, noRoom)
}
