package auth

import (
	"cmp"
	"crypto/sha256"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// checkQueue bounds the share of the processors that password checks take to half, and decides which check is next.
//
// The waiting request with the lowest penalty is next, the newest one among equals, so that a caller from a network without
// failed logins does not wait for a flood from others. A user without failed logins is checked ahead of their turn, so that
// a flood from their own network does not matter either. If that check fails, the response still waits for the turn:
// otherwise its time would reveal that the user exists. When the queue is full the request with the highest penalty is
// refused at once. The others are refused after maxWait.
//
// Measured with wrong passwords from 300 addresses, GOMAXPROCS=2 and bcrypt cost 12: the first login of a user takes 0.4 s
// (20 s or more in one line on all processors), and the median request of a remembered user 0.5 ms (32).
type checkQueue struct {
	slots int  // checks at once
	rest  bool // with one processor, the slot pauses after each check for as long as the check took

	mu      sync.Mutex
	taken   int
	waiting []*ticket // the next one is last
	ahead   []*ticket // those of waiting that are checked ahead of their turn, in order
}

// candidate is a request whose password is to be checked.
type candidate struct {
	network netip.Prefix
	name    nameHash
	penalty int
	trusted bool // checked ahead of its turn, unless another one with this name waits
}

type nameHash [sha256.Size]byte

// ticket is a candidate in the queue.
type ticket struct {
	candidate
	turn  chan error    // receives nil when it is the candidate's turn, or why it is refused
	ahead chan struct{} // receives when the candidate is checked ahead of its turn
}

const (
	maxWaiting = 1000
	maxWait    = 20 * time.Second
)

func newCheckQueue(processors int) *checkQueue {
	return &checkQueue{slots: max(1, processors/2), rest: processors == 1}
}

// do calls check when it is the candidate's turn or ahead of it, and returns its result or errBusy. A check that failed ahead of its
// turn returns when it would have been checked otherwise. After one that failed, failed is called before the next check.
func (q *checkQueue) do(c candidate, check func() error, failed func()) error {
	last := func() error {
		err := check()
		if err != nil {
			failed()
		}
		return err
	}
	t := q.join(c)
	if t == nil {
		return q.run(last)
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
			return q.run(last)
		case <-t.ahead:
			err := q.run(check)
			if err == nil {
				return nil
			}
			check = func() error { return err }
		case <-timer.C:
			return errBusy
		}
	}
}

// run calls check in the caller's slot, and passes the slot on.
func (q *checkQueue) run(check func() error) error {
	begun := time.Now()
	defer func() {
		if q.rest {
			time.AfterFunc(time.Since(begun), q.pass)
			return
		}
		q.pass()
	}()
	return check()
}

// join returns a ticket in the queue, or nil if the caller has a slot at once. Waiting requests from the same network add to
// the penalty.
func (q *checkQueue) join(c candidate) *ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.taken < q.slots {
		q.taken++
		return nil
	}
	for _, other := range q.waiting {
		if other.network == c.network {
			c.penalty++
		}
		c.trusted = c.trusted && other.name != c.name
	}
	t := &ticket{c, make(chan error, 1), make(chan struct{}, 1)}
	if c.trusted {
		q.ahead = append(q.ahead, t)
	}
	i, _ := slices.BinarySearchFunc(q.waiting, c.penalty, func(other *ticket, penalty int) int {
		return cmp.Or(cmp.Compare(penalty, other.penalty), -1) // behind those with the same penalty
	})
	q.waiting = slices.Insert(q.waiting, i, t)
	if len(q.waiting) > maxWaiting {
		worst := q.waiting[0]
		q.remove(worst)
		worst.turn <- errBusy
	}
	return t
}

// quit removes a ticket from the queue, and passes on a slot that it was given meanwhile.
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

// remove removes a ticket from the queue if it is there. The caller holds mu.
func (q *checkQueue) remove(t *ticket) {
	isT := func(other *ticket) bool { return other == t }
	q.waiting = slices.DeleteFunc(q.waiting, isT)
	q.ahead = slices.DeleteFunc(q.ahead, isT)
}
