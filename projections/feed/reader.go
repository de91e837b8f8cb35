package feed

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
)

// ErrSlow means that events were dropped from memory before a reader took them.
var ErrSlow = errors.New("the reader is too slow")

// Reader gets the events of an account. One goroutine uses it.
type Reader struct {
	hub      *Hub
	name     string
	account  *account
	position uint64 // all events up to here were returned
}

// Open returns a reader of the events of an account behind a sequence of the stream. The caller closes it.
func (h *Hub) Open(name string, after uint64) *Reader {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[name]
	if a == nil {
		a = &account{lost: h.reached, changed: make(chan struct{})}
		h.accounts[name] = a
	}
	a.readers++
	return &Reader{hub: h, name: name, account: a, position: after}
}

// Close lets the hub forget the events of an account without readers.
func (r *Reader) Close() {
	h := r.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.account.readers--; r.account.readers > 0 {
		return
	}
	delete(h.accounts, r.name)
	h.drop(r.account, func(*Event) bool { return true })
}

// Context returns a context that ends with ctx, and when the hub is closed.
func (r *Reader) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(r.hub.live, cancel)
	return ctx, func() { stop(); cancel() }
}

// Position returns the sequence up to which all events were returned.
func (r *Reader) Position() uint64 { return r.position }

// behind returns up to where the events that follow are not in memory.
func (r *Reader) behind() (upTo uint64, behind bool) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	return r.account.lost, r.position < r.account.lost
}

// Behind reports whether CatchUp has anything to do.
func (r *Reader) Behind() bool {
	_, behind := r.behind()
	return behind
}

// CatchUp returns events from the stream until those that follow are in memory. An error is the last element: those of
// history.Reader.Messages.
func (r *Reader) CatchUp(ctx context.Context) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for upTo, behind := r.behind(); behind; upTo, behind = r.behind() {
			for record, err := range r.hub.log.Messages(ctx, r.name, 0, r.position, upTo) {
				if err != nil {
					yield(nil, err)
					return
				}
				r.position = record.Sequence
				if isEvent(record) && !r.hub.repeated(record.Sequence) && !yield(newEvent(r.account, record), nil) {
					return
				}
			}
			r.position = upTo
		}
	}
}

// maxTake bounds the bytes of events that are taken at once, unless the first one alone has more. They stay in memory until a slow
// reader has been sent the last one, also when the hub has dropped them.
const maxTake = 64 << 10

// Take returns the next events, or none and a channel that is closed when there may be some. The error is ErrSlow.
func (r *Reader) Take() ([]*Event, <-chan struct{}, error) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	a := r.account
	if r.position < a.lost {
		return nil, nil, ErrSlow
	}
	at, found := slices.BinarySearchFunc(a.events, r.position, func(e *Event, sequence uint64) int { return cmp.Compare(e.Sequence, sequence) })
	if found {
		at++
	}
	events, size := a.events[at:], 0
	for n, e := range events {
		if size += e.size; size > maxTake && n > 0 {
			events = events[:n]
			break
		}
	}
	if len(events) == 0 {
		r.position = max(r.position, r.hub.reached)
		return nil, a.changed, nil
	}
	r.position = events[len(events)-1].Sequence
	return slices.Clone(events), nil, nil
}
