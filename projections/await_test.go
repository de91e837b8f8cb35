package projections

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"clients/eventstore"

	"github.com/stretchr/testify/require"
)

func TestAwaitReturnsAsSoonAsTheSequenceShows(t *testing.T) {
	h := newHistory(t).created("acme", 1, "One").created("acme", 2, "Two")
	d := quietDirectory(noStream{})
	require.NoError(t, d.Await(t.Context(), 0))
	shown := make(chan []string, 2)
	for _, sequence := range []uint64{2, 1} {
		go func() {
			_ = d.Await(t.Context(), sequence)
			shown <- names(d.List("acme"))
		}()
	}
	require.NoError(t, d.apply(h.records[:1]))
	require.Equal(t, []string{"One"}, <-shown)
	require.NoError(t, d.apply(h.records[1:]))
	require.Equal(t, []string{"One", "Two"}, <-shown)
	require.NoError(t, d.Await(t.Context(), 2))
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	d := quietDirectory(noStream{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Await(ctx, 1), context.Canceled)
}

// Readers who have given up leave nothing behind, however long the stream stands still.
func TestWhoGivesUpWaitingIsForgotten(t *testing.T) {
	d := quietDirectory(noStream{})
	ctx, cancel := context.WithCancel(t.Context())
	var left, staying sync.WaitGroup
	for sequence := range uint64(100) {
		left.Go(func() { _ = d.Await(ctx, 1+sequence%7) })
	}
	for range 3 {
		staying.Go(func() { _ = d.Await(t.Context(), 1) })
	}
	waiting := func() int {
		d.arrivals.mu.Lock()
		defer d.arrivals.mu.Unlock()
		return len(d.arrivals.waiting)
	}
	require.Eventually(t, func() bool { return waiting() == 103 }, 5*time.Second, time.Millisecond)
	cancel()
	left.Wait()
	require.Equal(t, 3, waiting())
	require.NoError(t, d.apply(newHistory(t).created("acme", 1, "One").records))
	staying.Wait()
	require.Zero(t, waiting())
}

// brokenStream ends at once.
type brokenStream struct{ err error }

func (b brokenStream) LastSequence(context.Context) (uint64, error) { return 7, nil }
func (b brokenStream) Tail(context.Context, uint64, func([]eventstore.Record) error) error {
	return b.err
}

func TestWhoWaitsForAStreamThatCannotBeFollowedIsTold(t *testing.T) {
	broken := errors.New("broken")
	d := quietDirectory(brokenStream{broken})
	waiting := make(chan error)
	go func() { waiting <- d.Refresh(t.Context()) }()
	require.ErrorIs(t, d.Follow(t.Context()), broken)
	require.ErrorIs(t, <-waiting, broken)
	require.ErrorIs(t, d.Refresh(t.Context()), broken)
	require.ErrorIs(t, d.Err(), broken)
}
