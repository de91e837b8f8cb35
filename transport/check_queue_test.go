package transport

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// flood has n requests wait in a queue, each from a network of its own, whose slot they use for a while once it is theirs.
func flood(q *checkQueue, n, penalty int, check time.Duration) *sync.WaitGroup {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if q.enter(penalty, networkOf(fmt.Sprintf("198.51.%d.%d", i>>8, i&255))) == nil {
				begun := time.Now()
				time.Sleep(check)
				q.leave(begun)
			}
		})
	}
	synctest.Wait()
	return &all
}

func TestTheFirstLoginPassesAFlood(t *testing.T) {
	t.Parallel()
	const check = 250 * time.Millisecond
	for _, rest := range []bool{false, true} {
		for penalty := range 2 { // the flood has only begun, or goes on
			synctest.Test(t, func(t *testing.T) {
				q := &checkQueue{slots: 1, rest: rest, from: make(map[netip.Prefix]int)}
				all := flood(q, 300, penalty, check)
				begun := time.Now()
				require.NoError(t, q.enter(0, networkOf("192.0.2.1")))
				require.LessOrEqual(t, time.Since(begun), 2*check)
				q.leave(time.Now())
				all.Wait()
				time.Sleep(2 * check) // the last pause
				synctest.Wait()
				require.Zero(t, q.taken)
				require.Empty(t, q.from)
			})
		}
	}
}

func TestANetworkDoesNotPassItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &checkQueue{slots: 1, from: make(map[netip.Prefix]int)}
		require.NoError(t, q.enter(0, netip.Prefix{}))
		order := make(chan int, 5)
		for i := range cap(order) {
			go func() {
				_ = q.enter(0, networkOf("192.0.2.1"))
				order <- i
				q.leave(time.Now())
			}()
			synctest.Wait()
		}
		q.leave(time.Now())
		for i := range cap(order) {
			require.Equal(t, i, <-order)
		}
	})
}

func TestAFullQueueRefusesThoseWhoHaveFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &checkQueue{slots: 1, from: make(map[netip.Prefix]int)}
		require.NoError(t, q.enter(0, netip.Prefix{}))
		all := flood(q, maxWaiting, 1, 0)
		turn := make(chan error)
		go func() { turn <- q.enter(0, networkOf("192.0.2.1")) }()
		synctest.Wait()
		require.Len(t, q.waiting, maxWaiting)
		begun := time.Now()
		require.ErrorIs(t, q.enter(2, networkOf("192.0.2.2")), errLoginBusy)
		require.Zero(t, time.Since(begun), "at once")
		q.leave(time.Now())
		require.NoError(t, <-turn)
		q.leave(time.Now())
		all.Wait()
	})
}

func TestChecksTakeHalfOfTheProcessors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const check = 100 * time.Millisecond
		q := &checkQueue{slots: 1, rest: true, from: make(map[netip.Prefix]int)}
		begun := time.Now()
		flood(q, 10, 0, check).Wait()
		require.Equal(t, 19*check, time.Since(begun)) // a pause between two checks
	})
}

func TestAWaitingRequestGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &checkQueue{slots: 1, from: make(map[netip.Prefix]int)}
		require.NoError(t, q.enter(0, netip.Prefix{}))
		begun := time.Now()
		err := q.enter(0, networkOf("192.0.2.1"))
		require.True(t, errors.Is(err, errLoginBusy), "%v", err)
		require.Equal(t, maxWait, time.Since(begun))
		require.Empty(t, q.waiting)
		require.Empty(t, q.from)
	})
}
