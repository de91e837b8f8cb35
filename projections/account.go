package projections

import (
	"cmp"
	"strings"

	"clients/domain"

	"github.com/tidwall/btree"
)

// account holds the clients of one account, in order. By its id the directory has each of them: ids are nobody else's.
type account struct {
	name     string
	byName   *tree
	byUpdate *tree
	revision domain.Revision // how many events there were, and the checksum of the last one
}

// tree is a B-tree whose copies cost nothing: what is shared is copied when one side changes it.
type tree = btree.BTreeG[*entry]

// entry is a client with what it is found and ordered by. It never changes: an event puts a new one in its place, and
// who reads a copy of a tree goes on reading the old one.
type entry struct {
	domain.Client
	account      *account
	lastSequence uint64
	sortKey      string // the name in lower case; the name itself where it has no other
}

func newAccount(name string) *account {
	options := btree.Options{NoLocks: true}
	return &account{
		name:     name,
		byName:   btree.NewBTreeGOptions(func(a, b *entry) bool { return compareNames(a, b) < 0 }, options),
		byUpdate: btree.NewBTreeGOptions(func(a, b *entry) bool { return compareUpdates(a, b) < 0 }, options),
	}
}

// newEntry keeps the texts of a client in one piece, so that reading them is one walk to memory and not three.
func newEntry(of *account, c domain.Client, lastSequence uint64) *entry {
	e := &entry{Client: c, account: of, lastSequence: lastSequence, sortKey: strings.ToLower(c.Name)}
	name, details := len(c.Name), len(c.Name)+len(c.Details)
	if e.sortKey == c.Name {
		text := c.Name + c.Details
		e.Name, e.Details, e.sortKey = text[:name], text[name:], text[:name]
		return e
	}
	text := c.Name + c.Details + e.sortKey
	e.Name, e.Details, e.sortKey = text[:name], text[name:details], text[details:]
	return e
}

// compareNames orders by name without regard to case, then by id.
func compareNames(a, b *entry) int {
	return cmp.Or(strings.Compare(a.sortKey, b.sortKey), cmp.Compare(a.ID, b.ID))
}

// compareUpdates orders by the time of the last change, then by id.
func compareUpdates(a, b *entry) int {
	return cmp.Or(a.UpdatedAt.Compare(b.UpdatedAt), cmp.Compare(a.ID, b.ID))
}

// order puts new in the place of old. Either may be nil: there was none before, or there is none any more.
func (a *account) order(old, new *entry) {
	if old != nil && (new == nil || compareNames(old, new) != 0) {
		a.byName.Delete(old)
	}
	if old != nil && (new == nil || compareUpdates(old, new) != 0) {
		a.byUpdate.Delete(old)
	}
	if new != nil {
		a.byName.Set(new)
		a.byUpdate.Set(new)
	}
}
