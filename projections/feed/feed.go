// Package feed passes the events of the stream on to readers of one account each, as they happen.
//
//	readmodel.Directory -> Hub.Publish -> events in memory -> Reader.Take    -> transport
//	stream -> history.Reader.Messages              -> Reader.CatchUp -> transport
//
// A Hub gets every message that the read model has folded, in order. It keeps the newest events of those accounts that have
// readers, within a number of bytes for all accounts together, and drops the oldest first. Each event is encoded once,
// when the first reader takes it.
//
// A Reader has a position in the stream. While its next events are not in memory it reads them from the stream (CatchUp).
// Stream and memory are both ordered by sequence, so that no event is left out or comes twice. Then it takes events from
// memory at its own pace (Take). If events are dropped that it has not taken, it gets ErrSlow and ends; a new Reader can
// continue from its position.
//
// Guarantees: a reader gets each event of its account behind its position once, in the order of the stream, after the read
// model shows it. Publish never waits for a reader. The ClientErased of a client drops its other events: a reader that takes
// events later gets the erasures alone.
package feed

import (
	"context"
	"iter"
	"slices"
	"sync"

	"clients/eventstore"
)

// Log reads events of an account from the stream: see history.Reader.
type Log interface {
	Messages(ctx context.Context, account string, id int64, after, upTo uint64) iter.Seq2[eventstore.Record, error]
}

// Event is an event of an account.
type Event struct {
	Sequence uint64
	Type     string
	// Encoded returns the event as JSON on one line. It must not be changed.
	Encoded func() ([]byte, error)
	size    int
	account *account
	client  int64
}

// Hub passes events on to readers. It is safe for concurrent use.
type Hub struct {
	log Log
	// repeated reports whether a message is an event that does not count, as the read model has found.
	repeated func(sequence uint64) bool
	room     int             // in bytes
	live     context.Context // until Close
	end      context.CancelFunc

	mu       sync.Mutex
	reached  uint64              // the last message that was published
	accounts map[string]*account // that have readers
	events   []*Event            // of all of them, the oldest first
	size     int
}

// account holds the events of an account that are in memory.
type account struct {
	readers int
	events  []*Event      // the oldest first
	lost    uint64        // all events behind this sequence are in memory
	changed chan struct{} // closed with the next event
}

// NewHub returns a hub for the messages of a stream behind the sequence reached. It keeps events of so many bytes in memory.
// repeated reports whether the message at a sequence that was published is an event that does not count.
func NewHub(log Log, repeated func(sequence uint64) bool, reached uint64, room int) *Hub {
	h := &Hub{log: log, repeated: repeated, room: room, reached: reached, accounts: make(map[string]*account)}
	h.live, h.end = context.WithCancel(context.Background())
	return h
}

// Close ends all readers, also those that are opened later.
func (h *Hub) Close() { h.end() }

// Reached returns the sequence of the last message that was published.
func (h *Hub) Reached() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reached
}

// Publish passes on the next messages of the stream. It keeps no part of the slice.
func (h *Hub) Publish(batch []eventstore.Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed := make(map[*account]bool)
	for _, r := range batch {
		h.reached = r.Sequence
		if a := h.accounts[r.Account]; a != nil && isEvent(r) {
			if r.IsErasure() { // a reader gets the erasures of the client alone
				h.drop(a, func(e *Event) bool { return e.client == r.ClientID && e.Type != r.Type })
			}
			h.add(newEvent(a, r))
			changed[a] = true
		}
	}
	for a := range changed {
		close(a.changed)
		a.changed = make(chan struct{})
	}
}

func isEvent(r eventstore.Record) bool { return r.Event != nil && r.Foreign == "" }

func newEvent(a *account, r eventstore.Record) *Event {
	size := 1<<10 + 4*len(r.Data) // about: its data and texts, and as much twice when it is encoded
	return &Event{Sequence: r.Sequence, Type: r.Type, Encoded: sync.OnceValues(r.CloudEvent), size: size, account: a, client: r.ClientID}
}

// add keeps an event, and drops the oldest ones for it. The caller holds mu.
func (h *Hub) add(e *Event) {
	h.events = append(h.events, e)
	h.size += e.size
	e.account.events = append(e.account.events, e)
	for h.size > h.room {
		oldest := h.events[0]
		h.events[0], h.events = nil, h.events[1:]
		h.size -= oldest.size
		a := oldest.account // its oldest one, too
		a.events[0], a.events = nil, a.events[1:]
		a.lost = oldest.Sequence
	}
}

// drop drops events of an account. The caller holds mu.
func (h *Hub) drop(a *account, dropped func(*Event) bool) {
	h.events = slices.DeleteFunc(h.events, func(e *Event) bool {
		if e.account != a || !dropped(e) {
			return false
		}
		h.size -= e.size
		return true
	})
	a.events = slices.DeleteFunc(a.events, dropped)
}
