package eventstore_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestWaitingEventsShareAnAtomicBatch(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	const n = 100
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			if _, err := appendInTime(t, s, created(int64(i+1)), 0); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	stream, err := s.JetStream().Stream(deadline(t), eventstore.Stream)
	require.NoError(t, err)
	batched := 0
	for sequence := range uint64(n) {
		msg, err := stream.GetMsg(deadline(t), sequence+1)
		require.NoError(t, err)
		if msg.Header.Get("Nats-Batch-Id") != "" {
			batched++
		}
	}
	require.Greater(t, batched, n/10, "a slow machine stores some of them one by one")
}

// A batch waits a moment for callers that just got a result, so that they do not share the batches in two halves.
func TestCallersThatComeBackShareABatch(t *testing.T) {
	t.Parallel()
	s, err := eventstore.Open(deadline(t), natstest.Run(t, 1).Connect(t, 0), eventstore.Config{
		Replicas: 1, Stage: func(string, int) error { return nil }, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	const callers, each = 8, 20
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for n := range each {
				s.SetCost(40*time.Millisecond, 0)
				_, err := s.Append(deadline(t), created(int64(1+n*callers+i)), 0)
				if err != nil {
					t.Error(err)
				}
				time.Sleep(time.Duration(2*i) * time.Millisecond)
			}
		})
	}
	group.Wait()
	stream, err := s.JetStream().Stream(deadline(t), eventstore.Stream)
	require.NoError(t, err)
	batches := make(map[string]bool)
	for sequence := range uint64(callers * each) {
		msg, err := stream.GetMsg(deadline(t), sequence+1)
		require.NoError(t, err)
		batches[msg.Header.Get("Nats-Batch-Id")] = true
	}
	require.Less(t, len(batches), each+each/3) // one in each round, but for the first
}

// Of events that are published one by one the first callers are back before the last one: they are not counted twice, since a batch
// would wait for callers that do not exist.
func TestCallersThatComeBackAreCountedOnce(t *testing.T) {
	t.Parallel()
	s := slowStore(t, 20*time.Millisecond)
	s.SetCost(200*time.Microsecond, 0)
	require.LessOrEqual(t, s.CallersAfter(creations(3)...), 4, "the last one may be back as well")
}

func TestAnEventOfABatchHasItsOwnResult(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	batch, together := s.FlushTogether(created(1), created(2))
	require.True(t, together)
	records := stored(t, s)
	for i, event := range batch {
		require.Equal(t, domain.AppendResult{Sequence: uint64(i + 1), Revision: records[i].Revision()}, event.Result)
	}
}

// A batch whose acknowledgement is lost may be stored: a conflict of its events must not lead to a new decision.
func TestABatchWithoutAResponseHasAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	s := muteStore(t)
	batch, together := s.FlushTogether(created(1), created(2))
	require.False(t, together)
	for _, event := range batch {
		require.True(t, event.Unknown)
		requireSingle(t, event.Message)
	}
}

// requireSingle requires that a message, when it is sent again, does not look like part of the batch that it was first sent in.
func requireSingle(t *testing.T, msg *nats.Msg) {
	t.Helper()
	for name := range msg.Header {
		require.NotContains(t, name, "Nats-Batch")
	}
}

func TestABatchThatIsRefusedIsKnownNotToBeStored(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.Append(deadline(t), created(2), 0)
	require.NoError(t, err)
	batch, together := s.FlushTogether(created(1), created(2))
	require.False(t, together)
	for _, event := range batch {
		require.False(t, event.Unknown)
		requireSingle(t, event.Message)
	}
}

// muteStore is a store whose requests get no response.
func muteStore(t *testing.T) *eventstore.Store {
	t.Helper()
	nc := natstest.Run(t, 1).Connect(t, 0)
	_, err := nc.Subscribe(">", func(*nats.Msg) {})
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	return eventstore.Attach(nc)
}

func TestAnAbandonedEventIsNotSent(t *testing.T) {
	t.Parallel()
	taken, _ := eventstore.TakeUnlessAbandoned(true)
	require.False(t, taken)
	taken, canAbandon := eventstore.TakeUnlessAbandoned(false)
	require.True(t, taken)
	require.False(t, canAbandon, "an event that was sent")
}

// While a flush hangs, an event that waits for the next one is refused at its deadline.
func TestAnEventThatWaitsForAFlushIsRefusedInTime(t *testing.T) {
	t.Parallel()
	s := muteStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Append(ctx, created(1), 0)
	var refusal *domain.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, domain.Unavailable, refusal.Kind)
}

// While nats.go reconnects, every use of the connection blocks. A batch ends at its deadline all the same, with an unknown
// outcome.
func TestABatchEndsInTimeWhileReconnecting(t *testing.T) {
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
	batch, together := s.FlushTogether(created(1), created(2))
	require.False(t, together)
	require.Less(t, time.Since(begun), 10*time.Second, "the connection waits for a minute")
	for _, event := range batch {
		require.True(t, event.Unknown)
		requireSingle(t, event.Message)
	}

	event, none := created(3), uint64(0)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun = time.Now()
	err = s.StoreBatch(ctx, []eventstore.Entry{{Event: &event, LastSequence: &none}})
	require.ErrorIs(t, err, domain.ErrUnknownOutcome)
	require.Less(t, time.Since(begun), 10*time.Second)
}

// What the last events took decides on one server, which stores one after the other. On several it may have been an election.
func TestAnEventIsRefusedForASlowDiskAndNotForAnElection(t *testing.T) {
	t.Parallel()
	for servers, refused := range map[int]bool{1: true, 3: false} {
		s := singleOrReplicated(t, servers)
		s.SetCost(3*time.Second, 0) // more than an event may take
		_, err := s.Append(deadline(t), created(1), 0)
		if refused {
			require.ErrorContains(t, err, "the event store is too slow at the moment")
		} else {
			require.NoError(t, err)
		}
	}
}
