package eventstore

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

// held is a hold whose confirmation is scripted.
type held struct {
	due     atomic.Bool
	asked   atomic.Int64
	confirm func() error
}

func (h *held) Due() bool { return h.due.Load() }

func (h *held) Confirm(context.Context) error {
	h.asked.Add(1)
	return h.confirm()
}

var errNotHeld = errors.New("not held")

func TestAppendSendsNothingThatIsNotHeld(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.Append(deadline(t), created(1), 0, &held{confirm: func() error { return errNotHeld }})
	require.ErrorIs(t, err, errNotHeld)
	require.NotErrorIs(t, err, domain.ErrConflict)
	require.Empty(t, stored(t, s))
	_, err = s.Append(deadline(t), created(1), 0, &held{confirm: func() error { return nil }})
	require.NoError(t, err)
}

// An event whose outcome is not known is sent again only while it is held.
func TestAppendSendsNothingAgainThatIsNotHeldAnyMore(t *testing.T) {
	t.Parallel()
	network, s, free := onOddTerms(t, 1)
	h := &held{}
	h.confirm = func() error {
		if h.asked.Load() > 1 {
			return errNotHeld
		}
		return nil
	}
	network.Hold("held")
	_, err := s.Append(deadline(t), created(1), 0, h)
	require.ErrorIs(t, err, errNotHeld)
	require.ErrorContains(t, err, "may have been carried out")
	require.Equal(t, int64(2), h.asked.Load())
	network.Heal()
	require.True(t, settles(func() bool { return len(stored(t, free)) == 1 }), "what was on its way arrives")
}

// Of events that wait for a batch, those that have waited too long are confirmed by themselves; the others do not wait.
func TestEventsThatAreDueAreNotStoredTogetherWithOthers(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	const n = 200
	var all sync.WaitGroup
	errs, holds := make([]error, n), make([]*held, n)
	release := make(chan struct{})
	for i := range n {
		holds[i] = &held{confirm: func() error { return nil }}
		switch i % 10 {
		case 3:
			holds[i].due.Store(true)
			holds[i].confirm = func() error { return errNotHeld }
		case 7:
			holds[i].due.Store(true)
			holds[i].confirm = func() error { <-release; return nil }
		}
		all.Go(func() { _, errs[i] = s.Append(deadline(t), created(int64(i+1)), 0, holds[i]) })
	}
	time.AfterFunc(100*time.Millisecond, func() { close(release) })
	all.Wait()
	for i, err := range errs {
		if i%10 == 3 {
			require.ErrorIs(t, err, errNotHeld)
		} else {
			require.NoError(t, err)
		}
	}
	require.Len(t, stored(t, s), n*9/10)
}
