package references

import (
	"hash/fnv"
	"io"
	"slices"

	"clients/domain"

	"github.com/tidwall/btree"
)

// Item is a project or an invoice. It never changes: an event puts a new one in its place, so that a copy of the index goes
// on reading the old one.
type Item struct {
	ID, Client                   int64 // Client is 0 if it is not known
	Exists, Active               bool
	ExistsAt, ActiveAt, ClientAt Point    // when each was last set
	EventIDs                     []uint64 // hashes of the ids of the last events that were folded, the oldest first
}

// itemTree holds the items of one scope, by id. A copy costs nothing: what is shared is copied when one side changes it.
type itemTree = btree.BTreeG[*Item]

func newItemTree() *itemTree {
	return btree.NewBTreeGOptions(func(a, b *Item) bool { return a.ID < b.ID }, btree.Options{NoLocks: true})
}

// Item returns a project or an invoice of an account. Of an unknown one, only the id is set.
func (x *Index) Item(kind domain.ReferenceKind, account string, id int64) *Item {
	return x.item(Scope{kind, account}, id)
}

func (x *Index) item(s Scope, id int64) *Item {
	unknown := &Item{ID: id, Active: true}
	if tree := x.items[s]; tree != nil {
		if i, ok := tree.Get(unknown); ok {
			return i
		}
	}
	return unknown
}

func (x *Index) tree(s Scope) *itemTree {
	tree := x.items[s]
	if tree == nil {
		tree = newItemTree()
		x.items[s] = tree
	}
	return tree
}

// HasActive reports whether any event has set Active.
func (i *Item) HasActive() bool { return i.ActiveAt != Point{} }

// HasOrigin reports whether the item was created or deleted. Otherwise it is unknown, or known from changes alone.
func (i *Item) HasOrigin() bool { return i.ExistsAt != Point{} }

// Seen reports whether the event of an id is among the last ones that were folded.
func (i *Item) Seen(eventID string) bool {
	return eventID != "" && slices.Contains(i.EventIDs, hashOf(eventID))
}

// apply returns the item after an event, with at most keep ids of events.
func (i *Item) apply(f *domain.ReferenceEvent, now Point, keep int) *Item {
	after := *i
	if f.EventID != "" {
		after.EventIDs = lastOf(append(i.EventIDs, hashOf(f.EventID)), keep) // what i holds is not written to
	}
	if f.ClientID != 0 && now.after(i.ClientAt) {
		after.Client, after.ClientAt = f.ClientID, now
	}
	if f.Active != nil && now.after(i.ActiveAt) {
		after.Active, after.ActiveAt = *f.Active, now
	}
	switch known := i.ExistsAt != (Point{}); {
	case f.Operation == domain.Changed:
		after.Exists = i.Exists || !known // what is changed must have been created
	case now.after(i.ExistsAt):
		after.Exists, after.ExistsAt = f.Operation == domain.Created, now
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
