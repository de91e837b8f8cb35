package transport

import (
	"cmp"
	"crypto/sha256"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"
)

// checkQueue bounds the share of the processors that password checks take to half, and decides which one is next.
//
// The waiting request with the lowest penalty is next, the newest one of those with the same. So a caller from a network
// without a failed login does not wait for a flood from others. The request of a user without a failed login is checked
// ahead of its turn, so that a flood from the user's own network does not matter either; if the password is wrong the
// response still waits for the turn, since otherwise the time would show that there is such a user. When the queue is full
// the request with the highest penalty is refused at once, and the others are refused after maxWait.
//
// Under wrong passwords from 300 addresses, with GOMAXPROCS=2 and a bcrypt cost of 12, the first login of a user takes
// 0.4 s (20 s and more in one line on all processors), and half of the requests of a remembered user end within 0.5 ms (32).
type checkQueue struct {
	slots int  // checks at once
	rest  bool // a slot pauses after each check for as long as the check took: there is one processor only

	mu      sync.Mutex
	taken   int
	waiting []*ticket            // the next one last
	ahead   []*ticket            // of those, in order, the ones to be checked ahead of their turn
	from    map[netip.Prefix]int // how many wait, by network
	names   map[nameHash]int     // and by name
}

// candidate is a request whose password is to be checked.
type candidate struct {
	network netip.Prefix
	name    nameHash
	penalty int
	trusted bool // it is checked ahead of its turn, unless another one with this name waits
}

type nameHash [sha256.Size]byte

// ticket is a candidate in the queue.
type ticket struct {
	candidate
	turn  chan error    // receives nil when its turn has come, else why that is never so
	ahead chan struct{} // receives when it is checked ahead
}

const (
	maxWaiting = 1000
	maxWait    = 20 * time.Second
)

func newCheckQueue(processors int) *checkQueue {
	return &checkQueue{
		slots: max(1, processors/2), rest: processors == 1, from: make(map[netip.Prefix]int), names: make(map[nameHash]int),
	}
}

func processors() int { return runtime.GOMAXPROCS(0) }

// do calls check when it is the candidate's turn, and returns its result or errLoginBusy. If the candidate is checked ahead
// of its turn, do calls check with last false before, and returns if that succeeds; the last call need not check again.
func (q *checkQueue) do(c candidate, check func(last bool) error) error {
	t := q.join(c)
	if t == nil {
		return q.run(check, true)
	}
	defer q.quit(t)
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	for {
		select {
		case err := <-t.turn:
			if err != nil {
				return err
			}
			return q.run(check, true)
		case <-t.ahead:
			if q.run(check, false) == nil {
				return nil
			}
		case <-timer.C:
			return errLoginBusy
		}
	}
}

// run calls check in a slot of the caller's, and passes the slot on.
func (q *checkQueue) run(check func(last bool) error, last bool) error {
	begun := time.Now()
	defer func() {
		if q.rest {
			time.AfterFunc(time.Since(begun), q.pass)
			return
		}
		q.pass()
	}()
	return check(last)
}

// join returns a ticket in the queue, or nil if there is a free slot, which is then the caller's. Waiting requests of the
// same network add to the penalty.
func (q *checkQueue) join(c candidate) *ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.taken < q.slots {
		q.taken++
		return nil
	}
	c.penalty += q.from[c.network]
	t := &ticket{c, make(chan error, 1), make(chan struct{}, 1)}
	if c.trusted && q.names[c.name] == 0 {
		q.ahead = append(q.ahead, t)
	}
	q.from[c.network]++
	q.names[c.name]++
	i, _ := slices.BinarySearchFunc(q.waiting, c.penalty, func(other *ticket, penalty int) int {
		return cmp.Or(cmp.Compare(penalty, other.penalty), -1) // behind those with the same penalty
	})
	q.waiting = slices.Insert(q.waiting, i, t)
	if len(q.waiting) > maxWaiting {
		worst := q.waiting[0]
		q.remove(worst)
		worst.turn <- errLoginBusy
	}
	return t
}

// quit takes a ticket out of the queue, and passes on a slot that it was given in the meantime.
func (q *checkQueue) quit(t *ticket) {
	q.mu.Lock()
	q.remove(t)
	q.mu.Unlock()
	if len(t.ahead) > 0 {
		q.pass()
	}
	if len(t.turn) > 0 && <-t.turn == nil {
		q.pass()
	}
}

// pass gives a slot to the next request.
func (q *checkQueue) pass() {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.ahead) > 0:
		q.ahead[0].ahead <- struct{}{}
		q.ahead = q.ahead[1:]
	case len(q.waiting) > 0:
		t := q.waiting[len(q.waiting)-1]
		q.remove(t)
		t.turn <- nil
	default:
		q.taken--
	}
}

// remove takes a ticket out of the queue if it is there. The caller holds mu.
func (q *checkQueue) remove(t *ticket) {
	i := slices.Index(q.waiting, t)
	if i < 0 {
		return
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	if i := slices.Index(q.ahead, t); i >= 0 {
		q.ahead = slices.Delete(q.ahead, i, i+1)
	}
	subtract(q.from, t.network)
	subtract(q.names, t.name)
}

func subtract[K comparable](counts map[K]int, key K) {
	if counts[key]--; counts[key] == 0 {
		delete(counts, key)
	}
}
