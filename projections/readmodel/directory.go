// Package readmodel folds the stream CLIENTS into what GETs and commands read: the directory of all clients.
//
//	stream -> eventstore.Store.Tail -> Directory.fold -> Model -> List, Client, State -> transport, domain/command
//
// A Model holds every client of every account as of one sequence, in memory: by id, and for each account by name and by the
// time of the last change. The two orders are B-trees with copy-on-write, so that a list is one consistent state of the
// account, however long a caller takes to read it, and readers never delay writes. A Model also holds what other services
// have published about projects and invoices (package references).
//
// A Directory follows the stream: it folds each batch of messages under a lock, and then wakes those who wait for a
// sequence (Await). Strong reads first ask the leader of the stream for its last sequence (Refresh). Callers at the same
// time share one such request, which is sent after all of them have called, as in etcd's ReadIndex. A process that
// alone stores events needs none (AwaitOwn).
//
// A Directory starts from a Model that the package snapshot has decoded, or from an empty one, and follows the stream from
// there. An event that does not continue its client's history ends Follow with an *eventstore.CorruptError: reads
// continue from what was folded, and callers that wait for more get the error.
//
// Guarantees: results of one call belong to one sequence. Times never run backwards along the stream, whatever the clock of
// its leader does. Two models of the same messages are equal, in whatever batches they were folded.
package readmodel

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/references"
)

// Log is the stream that a Directory follows.
type Log interface {
	LastSequence(ctx context.Context) (uint64, error)
	Tail(ctx context.Context, after uint64, apply func([]eventstore.Record) error) error
}

// Directory is the read model that follows the stream. It is safe for concurrent use. A call delays the fold for no longer
// than it takes to look up a map, or to copy the root of a tree or a set of ids: 0.2 ms for a million deleted clients.
type Directory struct {
	foreigns *foreignLog
	stream   Log
	arrivals arrivals
	index    readIndex
	folded   func([]eventstore.Record) // see OnFold

	mu      sync.RWMutex
	model   *Model
	foreign uint64
}

// NewDirectory returns a directory that has followed nothing of the stream yet.
func NewDirectory(stream Log, log *slog.Logger) *Directory {
	return &Directory{
		foreigns: newForeignLog(log), stream: stream, model: NewModel(), folded: func([]eventstore.Record) {},
		index: readIndex{request: stream.LastSequence}, arrivals: arrivals{waiting: make(map[chan struct{}]uint64)},
	}
}

// Restore makes a directory continue from a model. It must not follow the stream yet. The model must not be used any more.
func (d *Directory) Restore(m *Model) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.model = m
	d.arrivals.advance(m.Sequence)
}

// OnFold makes the directory call folded with each batch of messages that it has folded, before a wait for one of them ends. It
// must not follow the stream yet. folded keeps no part of the batch.
func (d *Directory) OnFold(folded func([]eventstore.Record)) { d.folded = folded }

// Follow folds the stream into the directory until ctx ends, or until the stream holds what cannot be folded. From then on
// the directory stays as it is, and calls that wait for more return the error, until Follow is called again.
func (d *Directory) Follow(ctx context.Context) error {
	d.arrivals.begin()
	err := d.stream.Tail(ctx, d.Sequence(), d.apply)
	d.foreigns.flush()
	d.arrivals.end(err)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.model.References.Wake()
	return err
}

// apply folds a batch of messages, up to one that cannot be folded, which shows to readers as one step.
func (d *Directory) apply(batch []eventstore.Record) (err error) {
	d.mu.Lock()
	folded := 0
	for ; folded < len(batch); folded++ {
		r := &batch[folded]
		if err = d.model.Fold(r); err != nil {
			break
		}
		if r.Foreign != "" && !r.Removed {
			d.foreign++
			d.foreigns.skipped(r.Sequence, r.Foreign)
		}
	}
	reached := d.model.Sequence
	d.mu.Unlock()
	d.folded(batch[:folded])
	d.arrivals.advance(reached)
	return err
}

// Client returns a client of an account, if it exists, as of a sequence of the stream.
func (d *Directory) Client(account string, id int64) (client domain.Client, sequence uint64, found bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if e := d.model.byID[id]; e.of(account) {
		client, found = e.Client, true
	}
	return client, d.model.Sequence, found
}

// State returns what a command on a client is decided by.
func (d *Directory) State(account string, id int64) domain.State {
	d.mu.RLock()
	defer d.mu.RUnlock()
	e := d.model.byID[id]
	if !e.of(account) {
		return domain.State{}
	}
	return domain.State{Client: e.Client, LastSequence: e.LastSequence, References: d.model.References.Of(id)}
}

// Taken reports whether a client of any account has or had that id.
func (d *Directory) Taken(id int64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.model.isDeleted(id) || d.model.byID[id] != nil
}

// Deleted reports whether a client of any account was deleted.
func (d *Directory) Deleted(id int64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.model.isDeleted(id)
}

// Repeated reports whether the message at a sequence, which the directory has folded, is an event that does not count.
func (d *Directory) Repeated(sequence uint64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.model.Repeated.Exists(sequence)
}

// HighestID returns the highest id that a client ever had, in any account, or that a foreign message has taken.
func (d *Directory) HighestID() int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.model.HighestID
}

// Sequence returns how far the directory has followed the stream.
func (d *Directory) Sequence() uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.model.Sequence
}

// View returns the model as it is now.
func (d *Directory) View() View {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.model.View()
}

// Stats describe a directory.
type Stats struct {
	Sequence uint64    // of the last message that was folded
	StoredAt time.Time // when that message was stored
	Clients  int
	Foreign  uint64 // foreign messages that were skipped since the start
}

// Stats returns the present figures.
func (d *Directory) Stats() Stats {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return Stats{Sequence: d.model.Sequence, StoredAt: d.model.StoredAt, Clients: d.model.Len(), Foreign: d.foreign}
}

// Item returns what is known of a project or an invoice of an account. It must not be changed.
func (d *Directory) Item(kind domain.ReferenceKind, account string, id int64) *references.Item {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.model.References.Item(kind, account, id)
}

// LateDefaults returns the invoice defaults that a late event still sets.
func (d *Directory) LateDefaults(f domain.ReferenceEvent) domain.FollowInvoice {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.model.References.LateDefaults(f)
}

// Reached returns how far the source stream of that name and creation was recorded. changed is closed when that changes, or
// when the directory does not follow the stream any more.
func (d *Directory) Reached(stream string, created time.Time) (_ references.Reached, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.model.References.Reached(stream, created)
}
