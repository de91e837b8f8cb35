package eventstore

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"clients/eventstore/internal/jsapi"
)

// guard knows which stream is read, and up to which message. Another stream of the same name may take its place while the
// service runs: made again, restored from a backup, or with its files put back to an earlier state. What was folded of
// the one says nothing about the other, so the first fault that is found ends the use of the stream for good.
//
// A stream without replicas is believed at once. One of several servers may be a stale leader, one that was replaced and
// does not know it yet. So what contradicts the checkpoint is a suspicion at first, and becomes a fault when leaders have
// repeated it for longer than a stale leader can respond.
type guard struct {
	api     *jsapi.Client
	created time.Time // of the stream; does not change once the store is open
	group   string    // the Raft group of the stream's replicas; "" without a cluster
	epoch   atomic.Pointer[string]
	// removals are what is missing from the stream for a reason.
	removals *Removals

	accounted atomic.Bool // the missing messages were listed once, and a Removal accounted for each

	mu        sync.Mutex
	reached   Checkpoint // the last message that was read, or the one of a snapshot
	suspicion suspicion
	fault     error
}

// Checkpoint is a message by which the stream is known again.
type Checkpoint struct {
	Sequence uint64
	StoredAt time.Time // zero if it is not known
}

// checkpoint returns how far the stream was read, or the fault that was found.
func (g *guard) checkpoint() (Checkpoint, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reached, g.fault
}

// advance moves the checkpoint on to a message that was read.
func (g *guard) advance(c Checkpoint) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.Sequence > g.reached.Sequence {
		g.reached = c
	}
}

// fail ends the use of the stream for good, and returns the first fault.
func (g *guard) fail(fault error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fault == nil {
		g.fault = fault
	}
	return g.fault
}

// suspicion is since when leaders have been saying the same that may be wrong; zero if they do not.
type suspicion struct{ since, last time.Time }

const (
	// StaleLeader is longer than a stale leader can respond, see CONSISTENCY.md.
	StaleLeader = 12 * time.Second
	// suspicionGap ends a suspicion that was not repeated for so long: the next leader is another one.
	suspicionGap = 2 * time.Second
)

// repeated notes that a leader has said it once more, and reports whether it is beyond doubt, as it is if one server holds
// the stream alone.
func (s *suspicion) repeated(single bool) (certain bool) {
	now := time.Now()
	if now.Sub(s.last) > suspicionGap {
		s.since = now
	}
	s.last = now
	return single || now.Sub(s.since) >= StaleLeader
}

// failIfCertain ends the use of the stream for a fault that a leader shows, if it is beyond doubt. Until then it notes the
// suspicion and returns errBehind.
func (g *guard) failIfCertain(single bool, fault error) error {
	g.mu.Lock()
	certain := g.suspicion.repeated(single)
	g.mu.Unlock()
	if certain {
		return g.fail(fault)
	}
	return errBehind
}

// endSuspicion notes that a leader has confirmed the checkpoint.
func (g *guard) endSuspicion() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.suspicion = suspicion{}
}

// errBehind reports that the stream's leader lacks what was read, and may get it.
var errBehind = errors.New("the stream leader is behind what was read")

// checkAppended compares the sequence that an event was stored at with one that the stream had reached before.
func (g *guard) checkAppended(sequence, before uint64) error {
	if sequence > before {
		return nil
	}
	return g.fail(replaced("a new message was given sequence %d, and it had been read up to %d", sequence, before))
}

func replaced(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrReplaced, fmt.Sprintf(format, args...))
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
