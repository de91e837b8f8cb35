// Package projections folds the stream of events into what is read: the directory of all clients.
package projections

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"clients/domain"
	"clients/eventstore"
)

// Log is the stream that a Directory follows.
type Log interface {
	LastSequence(ctx context.Context) (uint64, error)
	Tail(ctx context.Context, after uint64, apply func([]eventstore.Record) error) error
}

// Directory is the read model: every client of every account as of one sequence of the stream, in memory, by id, by
// name and by time of change. It is safe for concurrent use. Each answer shows one moment between two runs of events,
// and giving it holds up the fold for no longer than a map lookup or the copy of a tree's root takes.
type Directory struct {
	log       *slog.Logger
	stream    Log
	arrivals  arrivals
	questions questions

	mu        sync.RWMutex
	accounts  map[string]*account
	byID      map[int64]*entry // the clients of all accounts
	texts     texts
	sequence  uint64
	storedAt  time.Time // of the message at sequence
	clock     time.Time // of the last event: it never runs backwards along the stream
	highestID int64
	deleted   *idSet // ids whose history has ended
	clients   int
	strays    uint64

	references references
}

// NewDirectory makes a directory that has followed nothing of the stream yet.
func NewDirectory(stream Log, log *slog.Logger) *Directory {
	d := newDirectory(log)
	d.stream = stream
	d.questions.ask = stream.LastSequence
	return d
}

// newDirectory makes one that has no stream to follow.
func newDirectory(log *slog.Logger) *Directory {
	d := &Directory{log: eventstore.LimitLog(log), texts: make(texts)}
	d.empty()
	return d
}

// empty makes a directory hold nothing.
func (d *Directory) empty() {
	d.accounts, d.byID, d.deleted = make(map[string]*account), make(map[int64]*entry), newIDSet()
	d.references = newReferences(d.deleted)
	d.sequence, d.storedAt, d.clock, d.highestID, d.clients = 0, time.Time{}, time.Time{}, 0, 0
}

// Client answers a client of an account.
func (d *Directory) Client(account string, id int64) (domain.Client, bool) {
	c := d.State(account, id).Client
	return c, c.Exists()
}

// State answers what is known of a client when a command on it is decided.
func (d *Directory) State(account string, id int64) domain.State {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if e := d.byID[id]; e.of(account) {
		state := domain.State{Client: e.Client, LastSequence: e.lastSequence}
		held, _ := d.references.held.Get(id)
		state.References = held.References
		return state
	}
	return domain.State{}
}

// Taken tells whether a client of whichever account has that id, or had it.
func (d *Directory) Taken(id int64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.deleted.has(id) || d.byID[id] != nil
}

// HighestID answers the highest id that a client ever had, in any account, or that cannot be used because a message
// which is no event stands under it.
func (d *Directory) HighestID() int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.highestID
}

// Sequence answers how far the directory has followed the stream.
func (d *Directory) Sequence() uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.sequence
}

// Stats describe a directory.
type Stats struct {
	Sequence uint64    // of the last message that is folded in
	StoredAt time.Time // when that message was stored
	Clients  int
	Strays   uint64 // messages that are no events of ours, since the start
}

// Stats answers where the directory stands.
func (d *Directory) Stats() Stats {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return Stats{Sequence: d.sequence, StoredAt: d.storedAt, Clients: d.clients, Strays: d.strays}
}
