package projections

import (
	"clients/domain"
	"clients/eventstore"

	"github.com/tidwall/btree"
)

// references is what the facts say of other services' projects and invoices, and how far those have been read.
//
// Facts of one stream are recorded in its order, and one that repeats what is on record changes nothing. One that is
// recorded late, by hand, takes its place in that order: of each attribute the newest word stands.
//
// It grows with what there is. Of a project or invoice the last event ids are remembered, see keptIDs; one that was
// deleted is forgotten some messages later, see keptMessages; and nothing is counted for a client that was deleted. What
// is forgotten depends on the facts alone, so that every replica holds the same, also one that began with a snapshot.
type references struct {
	keptIDs      int
	keptMessages uint64
	ended        *idSet // the clients that were deleted
	streams      map[string]*reading
	things       map[scope]*thingTree
	gone         map[domain.ReferenceKind][]tombstone
	held         *btree.Map[int64, held] // by client
}

const (
	// keptIDs is how many ids of events are remembered of one project or invoice: an event is recognised as a repeat if no
	// more others of it came between. A whole stream that is read again is either recognised or folded in again, in its
	// order, which leads to the same state.
	keptIDs = 128
	// keptMessages is how long a deleted project or invoice is remembered, in messages of its stream. A redelivery that
	// comes later than that is taken for a new one: it may keep its client from being deleted, and never lets it go.
	keptMessages = 1 << 16
)

// readFrom is the stream that each kind of thing is read from.
var readFrom = map[string]domain.ReferenceKind{
	eventstore.Projects.Stream: domain.Project,
	eventstore.Invoices.Stream: domain.Invoice,
}

// scope is a kind of things of one account.
type scope struct {
	kind    domain.ReferenceKind
	account string
}

// held is what other services hold of one client.
type held struct {
	domain.References
	kindAs, timeframeAs moment // when the client's invoice defaults were last said
}

// newReferences makes references of nothing. ended is kept up to date by the caller.
func newReferences(ended *idSet) references {
	return references{
		keptIDs: keptIDs, keptMessages: keptMessages, ended: ended,
		streams: make(map[string]*reading), things: make(map[scope]*thingTree), gone: make(map[domain.ReferenceKind][]tombstone),
		held: new(btree.Map[int64, held]),
	}
}

// fold takes a fact in. It answers false for one that says nothing new.
func (r *references) fold(f *domain.ReferenceEvent) bool {
	now, fresh := r.advance(f)
	if fresh && f.Kind != domain.NoReference {
		fresh = r.learn(f, now)
	}
	r.forget(f.Source.Stream)
	return fresh
}

// advance moves on to where a fact was learned.
func (r *references) advance(f *domain.ReferenceEvent) (now moment, fresh bool) {
	reading := r.streams[f.Source.Stream]
	if reading == nil {
		reading = newReading()
		r.streams[f.Source.Stream] = reading
	}
	return reading.advance(f)
}

func (r *references) learn(f *domain.ReferenceEvent, now moment) bool {
	s := scope{f.Kind, f.Account}
	before := r.thing(s, f.ID)
	if before.knows(f.EventID) {
		return false
	}
	after := before.learn(f, now, r.keptIDs)
	r.count(f.Kind, before, -1)
	r.count(f.Kind, after, +1)
	r.tree(s).Set(after)
	if !after.exists && after.existsAs == now {
		r.bury(s, after)
	}
	r.follow(f, now)
	return true
}

// thing returns a project or invoice, or the zero thing if it is not known.
func (r *references) thing(s scope, id int64) *thing {
	unknown := &thing{id: id, active: true}
	if tree := r.things[s]; tree != nil {
		if t, ok := tree.Get(unknown); ok {
			return t
		}
	}
	return unknown
}

// tree returns the things of a scope. It stays the same for good.
func (r *references) tree(s scope) *thingTree {
	tree := r.things[s]
	if tree == nil {
		tree = newThingTree()
		r.things[s] = tree
	}
	return tree
}

// count adds a thing to what is held of its client, or takes it away.
func (r *references) count(kind domain.ReferenceKind, t *thing, n int) {
	if !t.exists || t.client == 0 {
		return
	}
	r.change(t.client, func(h *held) {
		switch {
		case kind == domain.Invoice:
			h.Invoices += n
		case t.active:
			h.ActiveProjects += n
		default:
			h.InactiveProjects += n
		}
	})
}

// change changes what is held of a client, if that was not deleted.
func (r *references) change(client int64, change func(*held)) {
	if r.ended.has(client) {
		return
	}
	h, _ := r.held.Get(client)
	if change(&h); h == (held{}) {
		r.held.Delete(client)
		return
	}
	r.held.Set(client, h)
}

// follow remembers when the defaults of a client's invoices were last said.
func (r *references) follow(f *domain.ReferenceEvent, now moment) {
	if f.Kind != domain.Invoice || f.Operation == domain.Deleted || f.InvoiceKind == "" && f.InvoiceTimeframe == "" {
		return
	}
	r.change(f.Subject, func(h *held) {
		if f.InvoiceKind != "" && now.after(h.kindAs) {
			h.kindAs = now
		}
		if f.InvoiceTimeframe != "" && now.after(h.timeframeAs) {
			h.timeframeAs = now
		}
	})
}
