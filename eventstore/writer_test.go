package eventstore

import (
	"context"
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestWhatWaitsSharesAnAtomicBatch(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	const n = 300
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			if _, err := s.Append(deadline(t), created(int64(i+1)), 0); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	stream, err := s.js.Stream(deadline(t), Stream)
	require.NoError(t, err)
	batched := 0
	for sequence := range uint64(n) {
		msg, err := stream.GetMsg(deadline(t), sequence+1)
		require.NoError(t, err)
		if msg.Header.Get("Nats-Batch-Id") != "" {
			batched++
		}
	}
	require.Greater(t, batched, n/2)
}

// A repeat must not look like part of the batch that it was first sent in.
func TestABatchLeavesItsMessagesAsTheyWere(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	batch := []*pending{pendingFor(t, created(1), 0), pendingFor(t, created(2), 0)}
	require.True(t, s.writer.flushTogether(batch))
	for i, p := range batch {
		require.NotContains(t, p.msg.Header, "Nats-Batch-Id")
		require.Equal(t, domain.AppendResult{Sequence: uint64(i + 1), Revision: p.revision}, (<-p.done).result)
	}
}

// A batch whose acknowledgement is lost may be stored: what is then found to be overrun must not be decided anew.
func TestABatchWithoutAResponseHasAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	s := muteStore(t)
	batch := []*pending{pendingFor(t, created(1), 0), pendingFor(t, created(2), 0)}
	require.False(t, s.writer.flushTogether(batch))
	for _, p := range batch {
		require.True(t, p.unknown)
	}
}

func TestABatchThatIsRefusedIsKnownNotToBeStored(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.Append(deadline(t), created(2), 0)
	require.NoError(t, err)
	batch := []*pending{pendingFor(t, created(1), 0), pendingFor(t, created(2), 0)}
	require.False(t, s.writer.flushTogether(batch))
	for _, p := range batch {
		require.False(t, p.unknown)
	}
}

// muteStore is a store whose messages arrive where nobody says so.
func muteStore(t *testing.T) *Store {
	t.Helper()
	nc := natstest.Run(t, 1).Connect(t, 0)
	_, err := nc.Subscribe(">", func(*nats.Msg) {})
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	s, err := Attach(nc)
	require.NoError(t, err)
	return s
}

func TestAnAbandonedEventIsNotSent(t *testing.T) {
	t.Parallel()
	given, kept := &pending{}, &pending{}
	require.True(t, given.state.CompareAndSwap(waiting, abandoned))
	require.Equal(t, []*pending{kept}, take(take(nil, given), kept))
	require.False(t, kept.state.CompareAndSwap(waiting, abandoned), "once sent it cannot be given up")
}

// While a flush hangs, who waits for the next one is told in time that his event was not sent.
func TestAnEventThatWaitsForAFlushIsRefusedInTime(t *testing.T) {
	t.Parallel()
	w := muteStore(t).writer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.append(ctx, pendingFor(t, created(1), 0))
	var refusal *domain.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, domain.Unavailable, refusal.Kind)
}

// As long as nats.go greets a server, whoever uses the connection waits. A batch is given up on in time all the same, and
// may yet be stored.
func TestABatchIsGivenUpOnInTimeWhileAConnectionIsMade(t *testing.T) {
	t.Parallel()
	network := natstest.NewNetwork(t)
	cluster := natstest.Run(t, 1)
	nc, err := nats.Connect(network.URL("held", cluster), nats.MaxReconnects(-1), nats.ReconnectWait(time.Millisecond), nats.Timeout(time.Minute))
	require.NoError(t, err)
	t.Cleanup(network.Heal) // ahead of closing the connection, which waits as well
	s := openStore(t, nc, 1)
	network.Cut("held")
	network.Hold("held")
	require.Eventually(t, func() bool {
		asked := make(chan struct{})
		go func() { nc.Status(); close(asked) }()
		select {
		case <-asked:
			return false
		case <-time.After(50 * time.Millisecond):
			return true
		}
	}, 10*time.Second, time.Millisecond)

	begun := time.Now()
	batch := []*pending{pendingFor(t, created(1), 0), pendingFor(t, created(2), 0)}
	require.False(t, s.writer.flushTogether(batch))
	require.Less(t, time.Since(begun), publishAttempt+500*time.Millisecond)
	for _, p := range batch {
		require.True(t, p.unknown)
	}

	event, none := created(3), uint64(0)
	messages, events, err := encodeBatch([]Entry{{Event: &event, LastSequence: &none}})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun = time.Now()
	_, err = s.writer.storeBatch(ctx, messages, events, Checkpoint{})
	require.ErrorIs(t, batchError(err), domain.ErrUnknownOutcome)
	require.Less(t, time.Since(begun), time.Second)
}
