package eventstore_test

import (
	"errors"
	"fmt"
	"slices"
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
	s.SetCosts(10*time.Second, 90*time.Second, 0)
	_, err := s.Append(t.Context(), created(1), 0)
	require.ErrorIs(t, err, eventstore.ErrTooSlow)
	s.SetCosts(10*time.Second, 90*time.Second, time.Minute)
	_, err = s.Append(t.Context(), created(1), 0)
	require.NoError(t, err)
}

// A batch that takes longer than its timeout raises the expected cost.
func TestABatchThatIsLateRaisesItsCost(t *testing.T) {
	t.Parallel()
	s := muteStore(t)
	s.SetCosts(0, 10*time.Millisecond, 0)
	flushed, stored := s.FlushTogether(created(1), created(2))
	require.False(t, stored)
	require.True(t, flushed[0].Unknown)
	_, cost := s.AppendCost()
	require.Greater(t, cost, eventstore.PublishAttempt/4)
}

// A slow disk must not get many single events because what one costs was measured long ago.
func TestAnExpiredCostIsMeasuredByOneEvent(t *testing.T) {
	t.Parallel()
	s := slowStore(t, 200*time.Millisecond)
	s.SetCosts(200*time.Millisecond, time.Hour, 30*time.Second)
	stored, unknown := 0, 0
	for _, event := range s.Flush(creations(30)...) {
		switch {
		case event.Err == nil:
			stored++
		case !errors.Is(event.Err, eventstore.ErrTooSlow):
			unknown++
		}
	}
	require.Greater(t, stored, 1)
	require.Less(t, unknown, 5, "a busy machine is late for a few")
}

// If some of many events were not stored in time, those that were say what one costs.
func TestEventsThatAreLateRaiseTheCost(t *testing.T) {
	t.Parallel()
	s := slowStore(t, 200*time.Millisecond)
	s.SetCosts(time.Millisecond, time.Hour, 0)
	require.True(t, slices.ContainsFunc(s.Flush(creations(30)...), func(e eventstore.Flushed) bool { return e.Err != nil }))
	cost, _ := s.AppendCost()
	require.Greater(t, cost, 50*time.Millisecond)
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
	s.SetCosts(4*time.Second, 40*time.Second, 0)
	for _, event := range append(s.Flush(created(1)), s.Flush(created(1), created(2))...) {
		require.ErrorIs(t, event.Err, eventstore.ErrTooSlow)
		require.ErrorIs(t, event.Err, &domain.Error{Kind: domain.Unavailable})
		require.NotErrorIs(t, event.Err, domain.ErrUnknownOutcome)
	}
}
