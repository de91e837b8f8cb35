// Package references keeps what other services have published about their projects and invoices, as far as the rules of a
// client need it: how many of them a client has, and which of them are active.
//
// The data comes from reference events (domain.ReferenceEvent), which the package ingest records on the stream CLIENTS in the order
// of the streams PROJECTS and INVOICES. The read model folds each into an Index:
//
//	PROJECTS, INVOICES -> ingest -> reference events on CLIENTS -> Index.Fold -> Index.Of(client), Index.Reached(stream)
//
// An Index has three parts:
//   - for each source stream how far it was read, by generation (see Progress). An event that does not continue what was
//     read changes nothing, so that repeats and events of a replica that was behind are harmless.
//   - each project and invoice with its client and state (see Item). An event sets the attributes that it names, unless a
//     later event has set them before.
//   - for each client the number of its projects and invoices, counted from the items.
//
// An Index grows with what exists. It remembers the last event ids of an item (Limits.EventIDs), a deleted item for some
// messages of its stream (Limits.Messages), and nothing about deleted clients. What it forgets depends on the events
// alone: all replicas hold the same, also one that started from a snapshot.
//
// The items and counts are copy-on-write trees: Copy takes a few microseconds, and a snapshot encodes the copy while the
// index changes. An Index is not safe for concurrent use; the read model guards it by its lock.
package references

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"

	"clients/domain"
	"clients/eventstore/upstream"

	"github.com/tidwall/btree"
)

// Index is what is known of projects and invoices.
type Index struct {
	limits     Limits
	deleted    func(client int64) bool
	streams    map[string]*Progress
	items      map[Scope]*itemTree
	tombstones map[domain.ReferenceKind][]tombstone
	clients    *btree.Map[int64, Client]
}

// Limits bound what an Index remembers. All replicas must use the same.
type Limits struct {
	// EventIDs is how many ids of events are remembered of one project or invoice. A repeated event is recognised if
	// fewer others of its item came between. Where a whole stream is read again, each event is either recognised or folded
	// again, in order, which leads to the same state.
	EventIDs int
	// Messages is how long a deleted project or invoice is remembered, in messages of its stream. A redelivery that comes
	// later counts as new: it may keep its client from being deleted, and never allows the deletion.
	Messages uint64
}

// DefaultLimits returns the limits that the service uses.
func DefaultLimits() Limits { return Limits{EventIDs: 128, Messages: 1 << 16} }

// kindOf is what each source stream is about.
var kindOf = map[string]domain.ReferenceKind{
	upstream.Projects.Name: domain.Project,
	upstream.Invoices.Name: domain.Invoice,
}

// Scope is a kind of items of one account.
type Scope struct {
	Kind    domain.ReferenceKind
	Account string
}

// Client is what other services hold of one client.
type Client struct {
	domain.References
	KindAt, TimeframeAt Point // when the client's invoice defaults were last set
}

// HasDefaults reports whether the client's invoice defaults were ever set.
func (c Client) HasDefaults() bool { return c.KindAt != (Point{}) || c.TimeframeAt != (Point{}) }

// New returns an empty index. deleted reports whether a client was deleted.
func New(deleted func(client int64) bool, limits Limits) *Index {
	return &Index{
		limits: limits, deleted: deleted,
		streams: make(map[string]*Progress), items: make(map[Scope]*itemTree), tombstones: make(map[domain.ReferenceKind][]tombstone),
		clients: new(btree.Map[int64, Client]),
	}
}

// Copy returns a copy that is read while the index changes. Nothing may be folded into it.
func (x *Index) Copy() *Index {
	c := &Index{limits: x.limits, streams: make(map[string]*Progress), items: make(map[Scope]*itemTree), clients: x.clients.Copy()}
	for name, p := range x.streams {
		if p.Latest > 0 { // else it was only asked for
			c.streams[name] = &Progress{Generations: maps.Clone(p.Generations), Latest: p.Latest, Replica: p.Replica}
		}
	}
	for scope, items := range x.items {
		c.items[scope] = items.Copy()
	}
	return c
}

// Fold applies an event. It returns false for one that changes nothing, as it is a repeat or does not continue what was
// read of its stream.
func (x *Index) Fold(f *domain.ReferenceEvent) bool {
	now, ok := x.progress(f.Source.Stream).advance(f)
	if ok && f.Kind != domain.NoReference {
		ok = x.apply(f, now)
	}
	x.expire(f.Source.Stream)
	return ok
}

func (x *Index) apply(f *domain.ReferenceEvent, now Point) bool {
	s := Scope{f.Kind, f.Account}
	before := x.item(s, f.ID)
	if before.Seen(f.EventID) {
		return false
	}
	after := before.apply(f, now, x.limits.EventIDs)
	x.count(f.Kind, before, -1)
	x.count(f.Kind, after, +1)
	x.tree(s).Set(after)
	if !after.Exists && after.ExistsAt == now {
		x.addTombstone(s, after)
	}
	x.setDefaults(f, now)
	return true
}

// count adds n to the number of items of an item's client.
func (x *Index) count(kind domain.ReferenceKind, i *Item, n int) {
	if !i.Exists || i.Client == 0 {
		return
	}
	x.change(i.Client, func(c *Client) {
		switch {
		case kind == domain.Invoice:
			c.Invoices += n
		case i.Active:
			c.ActiveProjects += n
		default:
			c.InactiveProjects += n
		}
	})
}

// change changes what is held of a client, unless the client was deleted.
func (x *Index) change(client int64, change func(*Client)) {
	if x.deleted(client) {
		return
	}
	c, _ := x.clients.Get(client)
	if change(&c); c == (Client{}) {
		x.clients.Delete(client)
		return
	}
	x.clients.Set(client, c)
}

// setDefaults remembers when the invoice defaults of a client were last set.
func (x *Index) setDefaults(f *domain.ReferenceEvent, now Point) {
	if f.Kind != domain.Invoice || f.Operation == domain.Deleted || f.InvoiceKind == "" && f.InvoiceTimeframe == "" {
		return
	}
	x.change(f.Subject, func(c *Client) {
		if f.InvoiceKind != "" && now.after(c.KindAt) {
			c.KindAt = now
		}
		if f.InvoiceTimeframe != "" && now.after(c.TimeframeAt) {
			c.TimeframeAt = now
		}
	})
}

// LateDefaults returns the invoice defaults that a late event still sets: those that no later event has set.
func (x *Index) LateDefaults(f domain.ReferenceEvent) domain.FollowInvoice {
	invoice := domain.FollowInvoice{Kind: f.InvoiceKind, Timeframe: f.InvoiceTimeframe}
	c, known := x.clients.Get(f.Subject)
	progress := x.streams[f.Source.Stream]
	if !known || progress == nil {
		return invoice
	}
	at := progress.point(f.Source)
	if !at.after(c.KindAt) {
		invoice.Kind = ""
	}
	if !at.after(c.TimeframeAt) {
		invoice.Timeframe = ""
	}
	return invoice
}

// Of returns how many projects and invoices a client has.
func (x *Index) Of(client int64) domain.References {
	c, _ := x.clients.Get(client)
	return c.References
}

// Remove forgets what is held of a client that was deleted.
func (x *Index) Remove(client int64) { x.clients.Delete(client) }

// Clients returns what is held of each client, by its id.
func (x *Index) Clients() iter.Seq2[int64, Client] {
	return func(yield func(int64, Client) bool) { x.clients.Scan(yield) }
}

// Streams returns how far each source stream was read, by name.
func (x *Index) Streams() map[string]*Progress { return x.streams }

// Len returns how many projects and invoices are known, also deleted ones.
func (x *Index) Len() (n int) {
	for _, items := range x.items {
		n += items.Len()
	}
	return n
}

// Items returns all projects and invoices, by kind, account and id. They must not be changed.
func (x *Index) Items() iter.Seq2[Scope, *Item] {
	return func(yield func(Scope, *Item) bool) {
		scopes := slices.SortedFunc(maps.Keys(x.items), func(a, b Scope) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Account, b.Account))
		})
		more := true
		for _, scope := range scopes {
			x.items[scope].Scan(func(i *Item) bool {
				more = yield(scope, i)
				return more
			})
			if !more {
				return
			}
		}
	}
}
