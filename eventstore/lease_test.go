package eventstore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// lease is a lease whose confirmation is scripted.
type lease struct {
	due     atomic.Bool
	calls   atomic.Int64
	confirm func() error
}

func (h *lease) Due() bool { return h.due.Load() }

func (h *lease) Confirm(context.Context) error {
	h.calls.Add(1)
	return h.confirm()
}

var errNotLeased = errors.New("not leased")

func TestAppendSendsNothingWithoutItsLease(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.Append(deadline(t), created(1), 0, &lease{confirm: func() error { return errNotLeased }})
	require.ErrorIs(t, err, errNotLeased)
	require.NotErrorIs(t, err, domain.ErrConflict)
	require.Empty(t, stored(t, s))
	_, err = s.Append(deadline(t), created(1), 0, &lease{confirm: func() error { return nil }})
	require.NoError(t, err)
}

// An event whose outcome is not known is sent again only while its lease holds.
func TestAppendSendsNothingAgainWithoutItsLease(t *testing.T) {
	t.Parallel()
	network, s, free := held(t, 1)
	h := &lease{}
	h.confirm = func() error {
		if h.calls.Load() > 1 {
			return errNotLeased
		}
		return nil
	}
	network.Hold("held")
	_, err := s.Append(deadline(t), created(1), 0, h)
	require.ErrorIs(t, err, errNotLeased)
	require.ErrorContains(t, err, "may have been carried out")
	require.Equal(t, int64(2), h.calls.Load())
	network.Heal()
	require.True(t, settles(func() bool { return len(stored(t, free)) == 1 }), "what was on its way arrives")
}

// Events that waited too long for a batch are confirmed and stored alone; the others do not wait for them.
func TestAnEventWithADueLeaseIsStoredByItself(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	const n = 50
	var all sync.WaitGroup
	errs, leases := make([]error, n), make([]*lease, n)
	release := make(chan struct{})
	for i := range n {
		leases[i] = &lease{confirm: func() error { return nil }}
		switch i % 10 {
		case 3:
			leases[i].due.Store(true)
			leases[i].confirm = func() error { return errNotLeased }
		case 7:
			leases[i].due.Store(true)
			leases[i].confirm = func() error { <-release; return nil }
		}
		all.Go(func() { _, errs[i] = appendInTime(t, s, created(int64(i+1)), 0, leases[i]) })
	}
	time.AfterFunc(100*time.Millisecond, func() { close(release) })
	all.Wait()
	for i, err := range errs {
		if i%10 == 3 {
			require.ErrorIs(t, err, errNotLeased)
		} else {
			require.NoError(t, err)
		}
	}
	require.Len(t, stored(t, s), n*9/10)
}
