package jsapi_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
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

func TestRetryLogsAnErrorThatLastsOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	attempts := 0
	err := jsapi.Retry(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), func(context.Context) error {
		if attempts++; attempts < 4 {
			return nats.ErrNoResponders
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(log.String(), "waiting for NATS"), log.String())
}
