package transport

import (
	"cmp"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"
)

// checkQueue bounds the share of the processors that password checks take to half, and decides who is next.
//
// The waiting request with the lowest penalty is next, the newest one of those with the same: under a flood from many
// addresses, a caller without a failed login waits for the check under way and no other. When the queue is full the
// request with the highest penalty is refused at once, and the others after maxWait.
type checkQueue struct {
	slots int  // checks at once
	rest  bool // a slot pauses after each check for as long as the check took: there is one processor only

	mu      sync.Mutex
	taken   int
	waiting []*ticket            // the next one last
	from    map[netip.Prefix]int // how many wait, by network
}

// ticket is a request in the queue.
type ticket struct {
	penalty int
	network netip.Prefix
	turn    chan error // receives nil when its turn has come
}

const (
	maxWaiting = 1000
	maxWait    = 20 * time.Second
)

func newCheckQueue() *checkQueue {
	processors := runtime.GOMAXPROCS(0)
	return &checkQueue{slots: max(1, processors/2), rest: processors == 1, from: make(map[netip.Prefix]int)}
}

// enter returns nil when it is the caller's turn, which must call leave, or errLoginBusy. Requests of the same network
// that wait already add to the penalty.
func (q *checkQueue) enter(penalty int, network netip.Prefix) error {
	t := q.add(penalty, network)
	if t == nil {
		return nil
	}
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case err := <-t.turn:
		return err
	case <-timer.C:
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiting, t); i >= 0 {
		q.remove(i)
		return errLoginBusy
	}
	return <-t.turn // it came at the same moment
}

// add returns a ticket in the queue, or nil if a slot is free.
func (q *checkQueue) add(penalty int, network netip.Prefix) *ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.taken < q.slots {
		q.taken++
		return nil
	}
	t := &ticket{penalty + q.from[network], network, make(chan error, 1)}
	q.from[network]++
	i, _ := slices.BinarySearchFunc(q.waiting, t.penalty, func(other *ticket, penalty int) int {
		return cmp.Or(cmp.Compare(penalty, other.penalty), -1) // behind those with the same penalty
	})
	q.waiting = slices.Insert(q.waiting, i, t)
	if len(q.waiting) > maxWaiting {
		q.remove(0).turn <- errLoginBusy
	}
	return t
}

// leave gives the slot to the next request. The check began at begun.
func (q *checkQueue) leave(begun time.Time) {
	if q.rest {
		time.AfterFunc(time.Since(begun), q.next)
		return
	}
	q.next()
}

func (q *checkQueue) next() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.taken--
		return
	}
	q.remove(len(q.waiting) - 1).turn <- nil
}

// remove takes a ticket out of the queue. The caller holds mu.
func (q *checkQueue) remove(i int) *ticket {
	t := q.waiting[i]
	q.waiting = slices.Delete(q.waiting, i, i+1)
	if q.from[t.network]--; q.from[t.network] == 0 {
		delete(q.from, t.network)
	}
	return t
}
