package eventstore

import (
	"testing"
	"time"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

func TestACostFollowsWhatIsMeasured(t *testing.T) {
	t.Parallel()
	var c cost
	for range 10 {
		c.observe(time.Second)
	}
	require.InDelta(t, time.Second, c.get(), float64(10*time.Millisecond))
	for range 30 {
		c.observe(time.Millisecond)
	}
	require.InDelta(t, time.Millisecond, c.get(), float64(time.Millisecond))
}

// What is not begun for being too slow is not measured: a spell of a slow disk has to end without that.
func TestACostThatIsNotMeasuredAnyMoreIsForgotten(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	for range 10 {
		s.writer.single.observe(10 * time.Second)
		s.writer.batch.observe(90 * time.Second)
	}
	later := func(d time.Duration) {
		s.writer.single.measured = s.writer.single.measured.Add(-d)
		s.writer.batch.measured = s.writer.batch.measured.Add(-d)
	}
	_, err := s.Append(t.Context(), created(1), 0)
	require.ErrorIs(t, err, errTooSlow)
	later(time.Minute)
	_, err = s.Append(t.Context(), created(1), 0)
	require.NoError(t, err)
}

// A flush that has ended sooner than expected holds nothing up, also where it was the last one of a slow spell.
func TestAFlushThatHasEndedHoldsNothingUp(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	s.writer.single.set(1500 * time.Millisecond)
	s.writer.batch.set(time.Minute)
	for id := range int64(3) {
		_, err := s.Append(t.Context(), created(id+1), 0)
		require.NoError(t, err)
	}
}

// A batch that takes longer than it is waited for is expected to take longer the next time.
func TestABatchThatIsLateRaisesItsCost(t *testing.T) {
	t.Parallel()
	w := muteStore(t).writer
	w.batch.set(10 * time.Millisecond)
	batch := []*pending{pendingFor(t, created(1), 0), pendingFor(t, created(2), 0)}
	require.False(t, w.flushTogether(batch))
	require.True(t, batch[0].unknown)
	require.Greater(t, w.batch.get(), publishAttempt/4)
}

// What could not be stored in time is refused before it is sent, so that its outcome is known.
func TestAnEventThatWouldBeLateIsNotSent(t *testing.T) {
	t.Parallel()
	w := muteStore(t).writer
	w.single.observe(4 * time.Second)
	w.batch.observe(40 * time.Second)
	refused := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, errTooSlow)
		require.ErrorIs(t, err, &domain.Error{Kind: domain.Unavailable})
		require.NotErrorIs(t, err, domain.ErrUnknownOutcome)
	}
	_, err := w.append(t.Context(), pendingFor(t, created(1), 0))
	refused(err)
	events := []*pending{pendingFor(t, created(1), 0), pendingFor(t, created(2), 0)}
	w.flush(events)
	for _, p := range events {
		refused((<-p.done).err)
	}
}
