package eventstore

import (
	"context"
	"testing"
	"time"

	"clients/domain"
	"clients/domain/command"

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
		require.NotErrorIs(t, err, command.ErrUnknownOutcome)
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
