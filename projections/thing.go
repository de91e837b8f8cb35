package projections

import (
	"hash/fnv"
	"io"
	"slices"

	"clients/domain"

	"github.com/tidwall/btree"
)

// thing is a project or an invoice. It never changes: a fact puts a new one in its place, so that a snapshot goes on
// reading the old one.
type thing struct {
	id, client                    int64
	exists, active                bool
	existsAs, activeAs, clientsAs moment   // when each was last said
	events                        []uint64 // hashes of the ids of the last events that were folded in, the oldest first
}

// thingTree holds things of one scope, by id. A copy costs nothing.
type thingTree = btree.BTreeG[*thing]

func newThingTree() *thingTree {
	return btree.NewBTreeGOptions(func(a, b *thing) bool { return a.id < b.id }, btree.Options{NoLocks: true})
}

// moment orders what was said in a stream, also across streams of the same name that followed on one another.
type moment struct {
	incarnation int // 1 for the first
	sequence    uint64
}

func (m moment) after(other moment) bool {
	return m.incarnation > other.incarnation || m.incarnation == other.incarnation && m.sequence > other.sequence
}

// knows reports whether an event is one of those that are remembered.
func (t *thing) knows(eventID string) bool {
	return eventID != "" && slices.Contains(t.events, hashOf(eventID))
}

// learn returns the thing after a fact. It remembers so many ids of events.
func (t *thing) learn(f *domain.ReferenceEvent, now moment, keptIDs int) *thing {
	after := *t
	if f.EventID != "" {
		after.events = lastOf(append(t.events, hashOf(f.EventID)), keptIDs) // what t holds is not written to
	}
	if f.ClientID != 0 && now.after(t.clientsAs) {
		after.client, after.clientsAs = f.ClientID, now
	}
	if f.Active != nil && now.after(t.activeAs) {
		after.active, after.activeAs = *f.Active, now
	}
	switch said := t.existsAs != (moment{}); {
	case f.Operation == domain.Changed:
		after.exists = t.exists || !said // what is changed must have been created
	case now.after(t.existsAs):
		after.exists, after.existsAs = f.Operation == domain.Created, now
	}
	return &after
}

func lastOf(events []uint64, n int) []uint64 { return events[max(0, len(events)-n):] }

// hashOf is the same in every release: snapshots hold it.
func hashOf(event string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, event)
	return h.Sum64()
}

// Thing is what is known of a project or an invoice.
type Thing struct {
	Client int64 // 0 where it is not known
	Exists bool
	Repeat bool // an event of one of the ids that were asked about is folded in
}

// Thing answers what is known of a project or an invoice of an account, and whether an event of one of eventIDs is.
func (d *Directory) Thing(kind domain.ReferenceKind, account string, id int64, eventIDs ...string) Thing {
	d.mu.RLock()
	defer d.mu.RUnlock()
	t := d.references.thing(scope{kind, account}, id)
	return Thing{Client: t.client, Exists: t.exists, Repeat: slices.ContainsFunc(eventIDs, t.knows)}
}

// Deleted reports whether a client has been there and is gone, in whichever account.
func (d *Directory) Deleted(id int64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.deleted.has(id)
}

// StillToFollow answers what a late fact says of its client's invoice defaults that is not known better by now.
func (d *Directory) StillToFollow(f domain.ReferenceEvent) domain.FollowInvoice {
	d.mu.RLock()
	defer d.mu.RUnlock()
	invoice := domain.FollowInvoice{Kind: f.InvoiceKind, Timeframe: f.InvoiceTimeframe}
	h, held := d.references.held.Get(f.Subject)
	reading := d.references.streams[f.Source.Stream]
	if !held || reading == nil {
		return invoice
	}
	at := reading.moment(f.Source)
	if !at.after(h.kindAs) {
		invoice.Kind = ""
	}
	if !at.after(h.timeframeAs) {
		invoice.Timeframe = ""
	}
	return invoice
}
