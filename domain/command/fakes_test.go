package command_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"clients/domain"
	"clients/domain/command"
)

// world implements the ports of a Handler in memory, so that a test can script a race: the directory does not show what
// other replicas store before it is refreshed. Scripts run without the lock, and may block.
type world struct {
	mu         sync.Mutex
	stream     []domain.Envelope // at sequence 1 and so on
	followed   int               // the directory shows the stream up to here
	foreign    map[int64]uint64  // the sequence of a foreign message that has taken the id of a client
	stuck      bool              // Await fails
	lastID     int64
	eventIDs   int
	keys       map[string]domain.IdempotencyRecord
	stoppedErr error
	// keyRevision is of the last change to keys: the tests use one key at a time.
	keyRevision uint64

	appends   []domain.Envelope // every attempt
	refreshes int
	outcomes  []command.Outcome

	beforeAppend func(attempt int) error // an error, and nothing is stored
	afterAppend  func(attempt int) error // an error, though the event is stored
	beforeFind   func(lookup int) error
	lookups      int
	leader       int // the end of the stream on a stale leader; 0 for the present leader

	beforeRelease func()
	afterClaim    func()            // once, before the first claim is acknowledged
	delay         func(call string) // of each call, before and after what it does

	takeovers int // and confirmations

	// beforeBarrier changes the references, or returns why they are not known.
	beforeBarrier func() error
	barriers      int
	references    map[int64]domain.References // as the directory shows them

	refreshErr, idErr, claimErr, completeErr, releaseErr error
}

func newWorld() *world { return &world{keys: map[string]domain.IdempotencyRecord{}, lastID: 100} }

// replica returns a handler of its own, like that of another process.
func (w *world) replica() *command.Handler {
	return &command.Handler{
		Log: w, Directory: w, IDs: w, Records: w, Barrier: w, DefaultCurrency: dollars, NewEventID: w.newEventID, Now: time.Now,
		Observe: func(o command.Outcome) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.outcomes = append(w.outcomes, o)
		},
		Writable: func() error { return nil },
	}
}

func (w *world) newEventID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.eventIDs++
	return fmt.Sprintf("event-%d", w.eventIDs)
}

// storeElsewhere stores events of another replica, which the directory does not show yet.
func (w *world) storeElsewhere(events ...domain.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range events {
		state := w.state(acme, e.Client(), len(w.stream))
		w.stream = append(w.stream, domain.Envelope{
			EventID: fmt.Sprintf("other-%d", len(w.stream)), Account: acme, Event: e, Version: state.Client.Revision.Version + 1,
		})
	}
}

// store stores events, and the directory shows them.
func (w *world) store(events ...domain.Event) {
	w.storeElsewhere(events...)
	w.followed = len(w.stream)
}

func (w *world) state(account string, id int64, followed int) (s domain.State) {
	for i, e := range w.stream[:followed] {
		if e.Account != account || e.Event.Client() != id {
			continue
		}
		s.Client = domain.Evolve(s.Client, e.Event)
		s.LastSequence = uint64(i + 1)
		if s.Client.Exists() {
			s.Client.Revision = result(i, e).Revision
		}
	}
	return s
}

// revision returns the revision of a client at the end of the stream.
func (w *world) revision(id int64) domain.Revision {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state(acme, id, len(w.stream)).Client.Revision
}

func result(i int, e domain.Envelope) domain.AppendResult {
	return domain.AppendResult{
		Sequence: uint64(i + 1), Revision: domain.Revision{Version: e.Version, Checksum: uint64(1000 + i)},
	}
}

func (w *world) Wait(context.Context) error {
	defer w.delayed("pass")()
	w.mu.Lock()
	w.barriers++
	w.mu.Unlock()
	if w.beforeBarrier != nil {
		return w.beforeBarrier()
	}
	return nil
}

// delayed delays a call.
func (w *world) delayed(call string) func() {
	if w.delay == nil {
		return func() {}
	}
	w.delay(call)
	return func() { w.delay(call) }
}

func (w *world) Append(ctx context.Context, e domain.Envelope, lastSequence uint64, holds ...domain.Lease) (domain.AppendResult, error) {
	defer w.delayed("append")()
	for _, hold := range holds {
		if err := hold.Confirm(ctx); err != nil {
			return domain.AppendResult{}, domain.NoStore(err)
		}
	}
	w.delayed("on its way")
	w.mu.Lock()
	w.appends = append(w.appends, e)
	attempt := len(w.appends)
	w.mu.Unlock()
	if w.beforeAppend != nil {
		if err := w.beforeAppend(attempt); err != nil {
			return domain.AppendResult{}, err
		}
	}
	r, err := w.append(e, lastSequence)
	if err == nil && w.afterAppend != nil {
		err = w.afterAppend(attempt)
	}
	return r, err
}

func (w *world) append(e domain.Envelope, lastSequence uint64) (domain.AppendResult, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, creation := e.Event.(domain.ClientCreated)
	if creation && w.foreign[e.Event.Client()] != 0 {
		return domain.AppendResult{}, domain.ErrConflict
	}
	if w.state(e.Account, e.Event.Client(), len(w.stream)).LastSequence != lastSequence || creation && w.taken(e.Event.Client(), len(w.stream)) {
		return domain.AppendResult{}, domain.ErrConflict
	}
	w.stream = append(w.stream, e)
	return result(len(w.stream)-1, e), nil
}

func (w *world) Find(_ context.Context, l domain.Lookup) (domain.AppendResult, bool, error) {
	defer w.delayed("find")()
	w.mu.Lock()
	w.lookups++
	lookup := w.lookups
	w.mu.Unlock()
	if w.beforeFind != nil {
		if err := w.beforeFind(lookup); err != nil {
			return domain.AppendResult{}, false, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	stream := w.stream
	if w.leader > 0 {
		stream = stream[:w.leader]
	}
	if l.Shown > uint64(len(stream)) {
		return domain.AppendResult{}, false, &domain.Error{Kind: domain.Unavailable, Message: "The leader is behind."}
	}
	for i, e := range stream {
		if uint64(i+1) > l.After && e.Account == l.Account && e.Event.Client() == l.ClientID && e.EventID == l.EventID {
			return result(i, e), true, nil
		}
	}
	last := max(w.state(l.Account, l.ClientID, len(stream)).LastSequence, w.foreign[l.ClientID])
	return domain.AppendResult{Sequence: last}, false, nil
}

func (w *world) State(account string, id int64) domain.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	state := w.state(account, id, w.followed)
	if state.Client.Exists() {
		state.References = w.references[id]
	}
	return state
}

func (w *world) Taken(id int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.taken(id, w.followed)
}

func (w *world) taken(id int64, followed int) bool {
	return slices.ContainsFunc(w.stream[:followed], func(e domain.Envelope) bool { return e.Event.Client() == id })
}

func (w *world) Sequence() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return uint64(w.followed)
}

func (w *world) HighestID() (highest int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.stream[:w.followed] {
		highest = max(highest, e.Event.Client())
	}
	return highest
}

func (w *world) Await(_ context.Context, sequence uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stuck {
		return context.DeadlineExceeded
	}
	w.followed = max(w.followed, int(sequence))
	return nil
}

func (w *world) Refresh(context.Context) error {
	defer w.delayed("refresh")()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refreshes++
	if w.refreshErr == nil {
		w.followed = len(w.stream)
	}
	return w.refreshErr
}

func (w *world) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stoppedErr
}

func (w *world) NextID(_ context.Context, floor int64) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastID = max(w.lastID, floor) + 1
	return w.lastID, w.idErr
}
