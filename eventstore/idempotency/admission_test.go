package idempotency_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore/idempotency"
	"clients/eventstore/internal/jsapi"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestOpenRequiresTheSettingsOfTheBucket(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateKeyValue(deadline(t), jetstream.KeyValueConfig{Bucket: idempotency.Bucket, TTL: 2 * time.Second})
	require.NoError(t, err)
	_, err = idempotency.Open(deadline(t), nc, idempotency.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
	var difference *jsapi.ConfigError
	require.ErrorAs(t, err, &difference)
	require.Equal(t, []string{"max_age: have 2s, need 24h0m0s"}, difference.Differences)
}

// costlyStore opens a store whose appends take a duration that the test can change.
func costlyStore(t *testing.T, each time.Duration) (s *idempotency.Store, cost *atomic.Int64) {
	t.Helper()
	s, cost = singleNode(t), new(atomic.Int64)
	cost.Store(int64(each))
	s.SetAppendCost(func() time.Duration { return time.Duration(cost.Load()) })
	return s, cost
}

// claimFor claims a key as a command does.
func claimFor(t *testing.T, s *idempotency.Store, limit time.Duration) (domain.IdempotencyRecord, bool, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return s.Claim(ctx, "test", "key", always(domain.IdempotencyRecord{EventID: "event", ClientID: 1}))
}

// On a slow but idle disk a claim is stored; a stored record is read however slow the disk is.
func TestAClaimIsStoredIfItsEventWouldBeInTime(t *testing.T) {
	t.Parallel()
	s, cost := costlyStore(t, 700*time.Millisecond)
	_, own, err := claimFor(t, s, 2400*time.Millisecond)
	require.NoError(t, err)
	require.True(t, own)
	cost.Store(int64(time.Minute))
	r, own, err := claimFor(t, s, 2400*time.Millisecond)
	require.NoError(t, err)
	require.False(t, own)
	require.Equal(t, "event", r.EventID)
}

// On a slow disk claims wait for each other instead of filling the queue of the server.
func TestAClaimThatWouldBeLateIsNotStored(t *testing.T) {
	t.Parallel()
	s, cost := costlyStore(t, 0)
	release := s.FillClaims()
	_, _, err := claimFor(t, s, 50*time.Millisecond)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	release()
	cost.Store(int64(10 * time.Second))
	_, _, err = claimFor(t, s, time.Second)
	require.ErrorIs(t, err, idempotency.ErrTooSlow)
}
