package eventstore

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestAQuestionThatIsLostIsPutAgain(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	var asked atomic.Int64
	_, err := nc.Subscribe("question", func(m *nats.Msg) {
		if asked.Add(1) == 2 {
			_ = m.Respond([]byte("answer"))
		}
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), requestTimeout)
	defer cancel()
	reply, err := replyTo(ctx, nc, "question", nil)
	require.NoError(t, err)
	require.Equal(t, "answer", string(reply.Data))
}

// Who takes his time is not passed over for being asked again.
func TestAnAnswerThatComesLateIsAsGood(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	var first atomic.Bool
	_, err := nc.Subscribe("question", func(m *nats.Msg) {
		if first.CompareAndSwap(false, true) {
			time.AfterFunc(2*questionPatience, func() { _ = m.Respond([]byte("the first")) })
		}
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), requestTimeout)
	defer cancel()
	reply, err := replyTo(ctx, nc, "question", nil)
	require.NoError(t, err)
	require.Equal(t, "the first", string(reply.Data))
}

func TestAQuestionIsNotPutForEver(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	_, err := nc.Subscribe("question", func(*nats.Msg) {})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*questionPatience)
	defer cancel()
	_, err = replyTo(ctx, nc, "question", nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	begun := time.Now()
	_, err = replyTo(t.Context(), nc, "nobody", nil)
	require.ErrorIs(t, err, nats.ErrNoResponders)
	require.Less(t, time.Since(begun), requestTimeout)
}
