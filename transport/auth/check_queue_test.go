package auth

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const checkTime = 250 * time.Millisecond

var errWrong = errors.New("wrong")

// flood adds n wrong passwords to a queue, each from a network of its own and with its own name.
func flood(q *checkQueue, n int, like candidate) *sync.WaitGroup {
	var all sync.WaitGroup
	for i := range n {
		c := like
		c.network, c.name = networkOf(fmt.Sprintf("198.51.%d.%d", i>>8, i&255)), nameHash{1, byte(i >> 8), byte(i)}
		all.Go(func() {
			_ = q.do(c, func() error { time.Sleep(checkTime); return errWrong }, ignored)
		})
	}
	synctest.Wait()
	return &all
}

func right() error {
	time.Sleep(checkTime)
	return nil
}

func ignored() {}

func TestAFirstLoginPassesAFlood(t *testing.T) {
	t.Parallel()
	from := func(remote string) candidate { return candidate{network: networkOf(remote)} }
	trusted := from("198.51.0.7") // an address of the flood
	trusted.trusted, trusted.penalty = true, 5
	for name, c := range map[string]struct{ flood, login candidate }{
		"that has only begun":            {candidate{}, from("192.0.2.1")},
		"that goes on":                   {candidate{penalty: 1}, from("192.0.2.1")},
		"from the same network":          {candidate{penalty: 4}, trusted},
		"from the same network, at once": {candidate{}, trusted},
	} {
		for _, processors := range []int{1, 2} {
			synctest.Test(t, func(t *testing.T) {
				q := newCheckQueue(processors)
				all := flood(q, 60, c.flood)
				begun := time.Now()
				require.NoError(t, q.do(c.login, right, ignored))
				require.LessOrEqual(t, time.Since(begun), 3*checkTime, "%s: the check under way, the pause of one processor, its own", name)
				all.Wait()
				time.Sleep(2 * checkTime) // the last pause
				synctest.Wait()
				require.Zero(t, q.taken)
				require.Empty(t, q.waiting)
				require.Empty(t, q.ahead)
			})
		}
	}
}

// The time of a wrong password does not reveal whether the user exists.
func TestAWrongPasswordWaitsInTheQueue(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for _, trusted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			q := newCheckQueue(2)
			all := flood(q, 5, candidate{})
			begun, checks := time.Now(), 0
			err := q.do(candidate{network: networkOf("192.0.2.1"), penalty: 1, trusted: trusted}, func() error {
				checks++
				time.Sleep(checkTime)
				return errWrong
			}, ignored)
			require.ErrorIs(t, err, errWrong)
			require.Equal(t, 1, checks)
			took = append(took, time.Since(begun))
			all.Wait()
		})
	}
	require.Equal(t, took[0], took[1])
}

// Otherwise the same wrong password would be checked, and counted, again.
func TestTheNextCheckKnowsOfAFailure(t *testing.T) {
	t.Parallel()
	for _, trusted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			q := newCheckQueue(2)
			all := flood(q, 1, candidate{})
			checked, known := 0, 0
			for range 3 {
				all.Go(func() {
					_ = q.do(candidate{network: networkOf("192.0.2.1"), trusted: trusted}, func() error {
						require.Equal(t, checked, known)
						checked++
						return errWrong
					}, func() {
						time.Sleep(checkTime)
						known++
					})
				})
			}
			all.Wait()
			require.Equal(t, 3, known)
		})
	}
}

func TestANetworkDoesNotOvertakeItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newCheckQueue(2)
		order := make(chan int, 6)
		for i := range cap(order) {
			go func() {
				_ = q.do(candidate{network: networkOf("192.0.2.1"), trusted: true}, func() error {
					time.Sleep(checkTime)
					return errWrong
				}, ignored)
				order <- i
			}()
			synctest.Wait()
		}
		for i := range cap(order) {
			require.Equal(t, i, <-order)
		}
	})
}

func TestAFullQueueRefusesNetworksWithFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newCheckQueue(2)
		free := make(chan struct{})
		hold := func() error { <-free; return nil }
		go func() { _ = q.do(candidate{}, hold, ignored) }()
		synctest.Wait()
		var all sync.WaitGroup
		for i := range maxWaiting {
			all.Go(func() {
				_ = q.do(candidate{network: networkOf(fmt.Sprintf("10.0.%d.%d", i>>8, i&255)), penalty: 1}, hold, ignored)
			})
		}
		synctest.Wait()
		result := make(chan error, 1)
		go func() { result <- q.do(candidate{network: networkOf("192.0.2.1")}, hold, ignored) }()
		synctest.Wait()
		require.Len(t, q.waiting, maxWaiting)
		begun := time.Now()
		require.ErrorIs(t, q.do(candidate{network: networkOf("192.0.2.2"), penalty: 2}, hold, ignored), errBusy)
		require.Zero(t, time.Since(begun), "at once")
		close(free)
		require.NoError(t, <-result)
		all.Wait()
	})
}

func TestChecksTakeHalfOfTheProcessors(t *testing.T) {
	t.Parallel()
	for processors, want := range map[int]time.Duration{1: 19 * checkTime, 2: 10 * checkTime, 3: 10 * checkTime, 4: 5 * checkTime} {
		synctest.Test(t, func(t *testing.T) {
			q := newCheckQueue(processors)
			begun := time.Now()
			flood(q, 10, candidate{}).Wait()
			require.Equal(t, want, time.Since(begun), "with %d", processors) // with one, there is a pause between two checks
		})
	}
}

func TestAWaitingRequestGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newCheckQueue(2)
		free := make(chan struct{})
		go func() { _ = q.do(candidate{}, func() error { <-free; return nil }, ignored) }()
		synctest.Wait()
		begun := time.Now()
		require.ErrorIs(t, q.do(candidate{network: networkOf("192.0.2.1"), trusted: true}, right, ignored), errBusy)
		require.Equal(t, maxWait, time.Since(begun))
		require.Empty(t, q.waiting)
		require.Empty(t, q.ahead)
		close(free)
		synctest.Wait()
		require.NoError(t, q.do(candidate{}, right, ignored))
	})
}
