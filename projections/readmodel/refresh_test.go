package readmodel_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// slowLeader returns as the last sequence the number of the request, once it may respond.
type slowLeader struct {
	requests  atomic.Uint64
	received  chan uint64
	responses chan struct{}
}

func newSlowLeader() *slowLeader {
	return &slowLeader{received: make(chan uint64, 100), responses: make(chan struct{})}
}

func (l *slowLeader) last(ctx context.Context) (uint64, error) {
	count := l.requests.Add(1)
	l.received <- count
	select {
	case <-l.responses:
		return count, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// A call while a request is under way must not use its response: what the caller has seen may be newer.
func TestCallersShareARequestThatIsSentAfterTheyCalled(t *testing.T) {
	leader := newSlowLeader()
	d, s := following(t, leader.last)
	first := make(chan error, 1)
	go func() { first <- d.Refresh(t.Context()) }()
	require.Equal(t, uint64(1), <-leader.received)

	const crowd = 50
	var returned atomic.Int64
	var all sync.WaitGroup
	for range crowd {
		all.Go(func() {
			if err := d.Refresh(t.Context()); err == nil {
				returned.Add(1)
			}
		})
	}
	require.Eventually(t, d.NextRequested, 5*time.Second, time.Millisecond)
	leader.responses <- struct{}{}
	s.create(t, 1, 1)
	require.NoError(t, <-first)
	require.Zero(t, returned.Load(), "a response from before a call does not end it")
	close(leader.responses)
	require.Equal(t, uint64(2), <-leader.received)
	require.Zero(t, returned.Load(), "sequence 2 does not show yet")
	s.create(t, 2, crowd+2)
	all.Wait()
	require.Equal(t, int64(crowd), returned.Load())
	require.Less(t, leader.requests.Load(), uint64(crowd/2), "a request for each call is what sharing is to save")
}

func TestRefreshFailsWithoutALeader(t *testing.T) {
	absent := errors.New("no leader")
	d, _ := following(t, func(context.Context) (uint64, error) { return 0, absent })
	require.ErrorIs(t, d.Refresh(t.Context()), absent)
}
