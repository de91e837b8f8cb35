package eventstore_test

import (
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestCostFollowsMeasurements(t *testing.T) {
	t.Parallel()
	require.InDelta(t, time.Second, eventstore.Costs(slices.Repeat([]time.Duration{time.Second}, 10)...), float64(10*time.Millisecond))
	spell := append(slices.Repeat([]time.Duration{time.Second}, 10), slices.Repeat([]time.Duration{time.Millisecond}, 30)...)
	require.InDelta(t, time.Millisecond, eventstore.Costs(spell...), float64(time.Millisecond))
}

// A flush that would be too slow is not started and so not measured, so the cost of a slow disk has to expire by itself.
func TestCostExpiresWithoutMeasurements(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	s.SetCost(10*time.Second, 0)
	_, err := s.Append(t.Context(), created(1), 0)
	require.ErrorIs(t, err, eventstore.ErrTooSlow)
	s.SetCost(10*time.Second, time.Minute)
	_, err = s.Append(t.Context(), created(1), 0)
	require.NoError(t, err)
}

// A batch that takes longer than its timeout raises the expected cost.
func TestABatchThatIsLateRaisesItsCost(t *testing.T) {
	t.Parallel()
	s := muteStore(t)
	s.SetCost(0, 0)
	flushed, stored := s.FlushTogether(created(1), created(2))
	require.False(t, stored)
	require.True(t, flushed[0].Unknown)
	require.Greater(t, s.AppendCost(), eventstore.PublishAttempt/40)
}

// If some of many events were not stored in time, those that were say what one costs.
func TestEventsThatAreLateRaiseTheCost(t *testing.T) {
	t.Parallel()
	s := slowStore(t, 200*time.Millisecond)
	s.SetCost(time.Millisecond, 0)
	require.True(t, slices.ContainsFunc(s.FlushSingly(creations(30)...), func(e eventstore.Flushed) bool { return e.Err != nil }))
	require.Greater(t, s.AppendCost(), 50*time.Millisecond)
}

// On several servers the cost may be that of an election: an event is sent again all the same.
func TestAHighCostDelaysNoRepeatOnSeveralServers(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	var sent atomic.Int64
	_, err := nc.Subscribe("clients.>", func(msg *nats.Msg) {
		if sent.Add(1) > 1 {
			_ = msg.Respond([]byte(`{"stream":"CLIENTS","seq":1}`))
		}
	})
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	s := eventstore.Attach(nc)
	s.SetReplicated()
	s.SetCost(2*time.Second, 0)
	require.NoError(t, s.FlushSingly(created(1))[0].Err)
}

// What a large batch cost says little about single events: after a refused one few are published at once, and measured.
func TestManySingleEventsCorrectTheCost(t *testing.T) {
	t.Parallel()
	s := slowStore(t, 0)
	s.SetCost(50*time.Millisecond, 0)
	for _, event := range s.FlushSingly(creations(100)...) {
		require.NoError(t, event.Err)
	}
}

func creations(n int64) (events []domain.Envelope) {
	for id := range n {
		events = append(events, created(id+1))
	}
	return events
}

// slowStore is a store that takes so long for each event, one after the other.
func slowStore(t *testing.T, each time.Duration) *eventstore.Store {
	t.Helper()
	nc := natstest.Run(t, 1).Connect(t, 0)
	sequence := 0
	_, err := nc.Subscribe("clients.>", func(msg *nats.Msg) {
		time.Sleep(each)
		sequence++
		_ = msg.Respond(fmt.Appendf(nil, `{"stream":"CLIENTS","seq":%d}`, sequence))
	})
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	return eventstore.Attach(nc)
}

// An event that cannot be stored in time is refused before it is sent, so that its outcome is known.
func TestAnEventThatWouldBeLateIsNotSent(t *testing.T) {
	t.Parallel()
	s := muteStore(t)
	s.SetCost(4*time.Second, 0)
	for _, event := range append(s.Flush(created(1)), s.Flush(created(1), created(2))...) {
		require.ErrorIs(t, event.Err, eventstore.ErrTooSlow)
		require.ErrorIs(t, event.Err, &domain.Error{Kind: domain.Unavailable})
		require.NotErrorIs(t, event.Err, domain.ErrUnknownOutcome)
	}
}

func TestEventsAreStoredTogetherWhereThatIsFaster(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		events   int64
		cost     time.Duration // of a sync
		measured time.Duration // ago
		onDisk   time.Duration // since when a batch was staged on disk; 0 if the last one was not
		together bool
	}{
		{1, 100 * time.Millisecond, 0, 0, false},
		{2, 100 * time.Millisecond, 0, 0, true},
		{2, 5 * time.Millisecond, 0, 0, true},
		{2, 200 * time.Microsecond, 0, 0, false},
		{3, 200 * time.Microsecond, 0, 0, false},
		{6, 200 * time.Microsecond, 0, 0, true},
		{3, 5 * time.Millisecond, 10 * time.Minute, 0, false},
		{10, 5 * time.Millisecond, 10 * time.Minute, 0, true},
		{9, 5 * time.Millisecond, 0, time.Second, false},
		{10, 5 * time.Millisecond, 0, time.Second, true},
		{2, 5 * time.Millisecond, 0, time.Minute, true},
	} {
		s, err := eventstore.Open(deadline(t), natstest.Run(t, 1).Connect(t, 0), eventstore.Config{
			Replicas: 1, Stage: func(string, int) error { return nil }, Log: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		s.SetCost(test.cost, test.measured)
		if test.onDisk > 0 {
			s.StagedOnDisk(test.onDisk)
		}
		for _, event := range s.Flush(creations(test.events)...) {
			require.NoError(t, event.Err)
			require.Equal(t, test.together, event.Message.Header.Get("Nats-Batch-Id") != "", "%+v", test)
		}
	}
}
