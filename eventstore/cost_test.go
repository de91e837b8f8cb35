package eventstore_test

import (
	"slices"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

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

// A flush that ended sooner than expected delays nothing, also if it was the last one on a slow disk.
func TestFinishedFlushDelaysNothing(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	s.SetCosts(1500*time.Millisecond, time.Minute, 0)
	for id := range int64(3) {
		_, err := s.Append(t.Context(), created(id+1), 0)
		require.NoError(t, err)
	}
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

// An event that cannot be stored in time is refused before it is sent, so that its outcome is known.
func TestAnEventThatWouldBeLateIsNotSent(t *testing.T) {
	t.Parallel()
	s := muteStore(t)
	s.SetCosts(4*time.Second, 40*time.Second, 0)
	refused := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, eventstore.ErrTooSlow)
		require.ErrorIs(t, err, &domain.Error{Kind: domain.Unavailable})
		require.NotErrorIs(t, err, domain.ErrUnknownOutcome)
	}
	_, err := s.Append(t.Context(), created(1), 0)
	refused(err)
	for _, event := range s.Flush(created(1), created(2)) {
		refused(event.Err)
	}
}
