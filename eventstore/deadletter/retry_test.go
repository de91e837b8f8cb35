package deadletter_test

import (
	"context"
	"errors"
	"testing"

	"clients/eventstore/deadletter"
	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

func TestARetryNeedsAService(t *testing.T) {
	t.Parallel()
	q := deadletter.New(natstest.Run(t, 1).Connect(t, 0))
	require.ErrorIs(t, q.Retry(deadline(t), 1), deadletter.ErrNoService)
}

func TestARetryReturnsTheErrorOfTheService(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	q := deadletter.New(cluster.Connect(t, 0))
	asked := make(chan uint64, 10)
	for range 2 { // one of two replicas responds
		replica := deadletter.New(cluster.Connect(t, 0))
		_, err := replica.ServeRetries(func(_ context.Context, number uint64) error {
			asked <- number
			if number == 2 {
				return errors.New("client 7 is not known")
			}
			return nil
		})
		require.NoError(t, err)
	}
	require.NoError(t, q.Retry(deadline(t), 1))
	require.EqualError(t, q.Retry(deadline(t), 2), "client 7 is not known")
	require.Len(t, asked, 2)

	reply, err := cluster.Connect(t, 0).RequestWithContext(deadline(t), "clients-control.quarantine.retry", []byte("{"))
	require.NoError(t, err)
	require.Contains(t, string(reply.Data), `"error"`)
	require.Len(t, asked, 2, "a retry without a message is not sent")
}

func TestARetryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	q := deadletter.New(natstest.Run(t, 1).Connect(t, 0))
	ctx, cancel := context.WithCancel(deadline(t))
	_, err := q.ServeRetries(func(retry context.Context, _ uint64) error {
		if _, limited := retry.Deadline(); !limited {
			t.Error("a retry has no deadline")
		}
		cancel()
		return nil
	})
	require.NoError(t, err)
	if err := q.Retry(ctx, 1); err != nil { // the response may be faster
		require.ErrorIs(t, err, context.Canceled)
	}
}
