package eventstore

import (
	"errors"
	"fmt"
	"sync"
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

	mu         sync.Mutex
	reached    checkpoint
	suspicions [contradictions]suspicion
	fault      error
	failed     chan struct{} // closed when there is a fault
}

// checkpoint is a message by which the stream is known again: the last one that was read, or the one of a snapshot.
type checkpoint struct {
	sequence uint64
	storedAt time.Time // zero if it is not known
}

// The kinds of suspicion: what a leader says that contradicts the checkpoint.
const (
	endsEarlier    = iota // the stream ends before it
	lacksMessage          // the stream has no message there
	incomplete            // the stream has fewer messages than sequences
	deleted               // there is no stream
	contradictions        // how many there are
)

func newGuard(api *jsapi.Client) *guard {
	return &guard{api: api, failed: make(chan struct{})}
}

// checkpoint returns how far the stream was read, or the fault that was found.
func (g *guard) checkpoint() (checkpoint, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reached, g.fault
}

// advance moves the checkpoint on to a message that was read.
func (g *guard) advance(c checkpoint) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.sequence > g.reached.sequence {
		g.reached = c
	}
}

// fail ends the use of the stream for good, and returns the first fault.
func (g *guard) fail(fault error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fault == nil {
		g.fault = fault
		close(g.failed)
	}
	return g.fault
}

// suspicion is since when leaders have been saying the same; zero if they do not.
type suspicion struct{ since, last time.Time }

const (
	// staleLeader is longer than a stale leader can respond.
	staleLeader = 12 * time.Second
	// suspicionGap ends a suspicion that was not repeated for so long: the next leader is another one.
	suspicionGap = 2 * time.Second
)

// repeated notes that a leader has said it once more, and reports whether it is beyond doubt.
func (s *suspicion) repeated() bool {
	now := time.Now()
	if now.Sub(s.last) > suspicionGap {
		s.since = now
	}
	s.last = now
	return now.Sub(s.since) >= staleLeader
}

// suspect notes a suspicion. It fails with the fault if that is beyond doubt, as it is if one server holds the stream
// alone; until then it returns errBehind.
func (g *guard) suspect(kind int, single bool, fault error) error {
	g.mu.Lock()
	certain := g.suspicions[kind].repeated() || single
	g.mu.Unlock()
	if certain {
		return g.fail(fault)
	}
	return errBehind
}

// clear ends a suspicion.
func (g *guard) clear(kind int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.suspicions[kind] = suspicion{}
}

// errBehind reports that the stream's leader lacks what was read, and may get it.
var errBehind = errors.New("the stream leader is behind what was read")

// checkAppended compares the sequence that an event was stored at with how far the stream had been read before.
func (g *guard) checkAppended(sequence uint64, before checkpoint) error {
	if sequence > before.sequence {
		return nil
	}
	return g.fail(replaced("a new message was given sequence %d, and it had been read up to %d", sequence, before.sequence))
}

// compare compares what the leader says with the checkpoint, which was taken before the request to the leader. It reports
// whether the message at the checkpoint has yet to be compared.
func (g *guard) compare(info jsapi.StreamInfo, reached checkpoint) (look bool, err error) {
	g.clear(deleted)
	state, single := info.State, info.Cluster.Single()
	if !info.Created.Equal(g.created) {
		return false, g.fail(replaced("it was made at %s, and that one at %s", clock(info.Created), clock(g.created)))
	}
	if state.Last < reached.sequence {
		return false, g.suspect(endsEarlier, single, replaced("it ends at sequence %d, and was read up to %d", state.Last, reached.sequence))
	}
	g.clear(endsEarlier)
	if err := g.checkComplete(info); err != nil {
		return false, err
	}
	return state.Last == reached.sequence && !state.LastTime.Equal(reached.storedAt), nil
}

// checkComplete returns ErrIncomplete if messages are missing.
func (g *guard) checkComplete(info jsapi.StreamInfo) error {
	state := info.State
	missing := state.Last - min(state.Last, state.Messages)
	if missing == 0 {
		g.clear(incomplete)
		return nil
	}
	return g.suspect(incomplete, info.Cluster.Single(), fmt.Errorf("%w: %d of %d are gone; the first one left is %d, the last one %d",
		ErrIncomplete, missing, state.Last, state.First, state.Last))
}

func replaced(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrReplaced, fmt.Sprintf(format, args...))
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
