package eventstore

import (
	"context"
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
	_, _, err = claimFor(t, s)
	require.ErrorIs(t, err, errTooSlow)
	later(time.Minute)
	_, own, err := claimFor(t, s)
	require.NoError(t, err)
	require.True(t, own)
	_, err = s.Append(t.Context(), created(1), 0)
	require.NoError(t, err)
}

// claimFor claims a key as a command does.
func claimFor(t *testing.T, s *Store) (domain.IdempotencyRecord, bool, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2400*time.Millisecond)
	defer cancel()
	return s.Claim(ctx, "test", "key", func() (domain.IdempotencyRecord, error) {
		return domain.IdempotencyRecord{EventID: "event", ClientID: 1}, nil
	})
}

// On a disk that is slow, and on which nothing else waits, a reservation can be stored; and one that is stored is read
// however slow the disk is.
func TestAReservationWaitsForThoseThatAreUnderWay(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	s.writer.single.set(700 * time.Millisecond)
	_, own, err := claimFor(t, s)
	require.NoError(t, err)
	require.True(t, own)
	s.writer.single.set(time.Minute)
	s.writer.batch.set(time.Minute)
	r, own, err := claimFor(t, s)
	require.NoError(t, err)
	require.False(t, own)
	require.Equal(t, "event", r.EventID)
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
	w := &writer{store: muteStore(t)}
	w.batch.set(10 * time.Millisecond)
	batch := []*pending{pendingFor(t, created(1), 0), pendingFor(t, created(2), 0)}
	require.False(t, w.flushTogether(batch))
	require.True(t, batch[0].unknown)
	require.Greater(t, w.batch.get(), publishAttempt/4)
}

// What could not be stored in time is refused before it is sent, so that its outcome is known.
func TestAnEventThatWouldBeLateIsNotSent(t *testing.T) {
	t.Parallel()
	w := &writer{store: muteStore(t), queue: make(chan *pending, maxBatch), quit: make(chan struct{}), ended: make(chan struct{})}
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

// On a slow disk reservations wait for their turn instead of filling the queue of the server.
func TestAReservationThatWouldBeLateIsNotSent(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	for range reservationsAtOnce {
		_, err := s.reserveTurn(t.Context())
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, _, err := s.Claim(ctx, "test", "key", nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	for range reservationsAtOnce {
		<-s.reserving
	}
	for range 10 {
		s.writer.single.observe(10 * time.Second)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, _, err = s.Claim(ctx, "test", "key", nil)
	require.ErrorIs(t, err, errTooSlow)
}
