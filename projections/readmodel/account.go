package readmodel

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"clients/domain"

	"github.com/tidwall/btree"
)

// account holds the clients of one account, in two orders. The model has them by id.
type account struct {
	name     string
	byName   *tree
	byUpdate *tree
	revision domain.Revision // the number of events, and the checksum of the last one
}

// tree is a B-tree whose copies cost nothing: what is shared is copied when one side changes it.
type tree = btree.BTreeG[*Entry]

// Entry is a client with the values by which it is found and ordered. It never changes: an event puts a new one in its
// place, and readers of a copied tree still read the old one.
type Entry struct {
	domain.Client
	LastSequence uint64 // of the last message on the client's subject
	account      *account
	sortKey      string // the name in lower case; the name itself where that is the same
}

func newAccount(name string) *account {
	options := btree.Options{NoLocks: true}
	return &account{
		name:     name,
		byName:   btree.NewBTreeGOptions(func(a, b *Entry) bool { return compareNames(a, b) < 0 }, options),
		byUpdate: btree.NewBTreeGOptions(func(a, b *Entry) bool { return compareUpdates(a, b) < 0 }, options),
	}
}

// NewEntry returns the entry of a client.
func NewEntry(c domain.Client, lastSequence uint64) *Entry {
	var room [256]byte
	return RestoreEntry(c, append(append(room[:0], c.Name...), c.Details...), len(c.Name), lastSequence)
}

// RestoreEntry returns the entry of a client whose name and details are in texts, the name first. It copies the texts, and
// keeps them in one piece with the sort key, so that reading them is one access to memory and not three.
func RestoreEntry(c domain.Client, texts []byte, name int, lastSequence uint64) *Entry {
	e := &Entry{Client: c, LastSequence: lastSequence}
	end := len(texts)
	if key := bytes.ToLower(texts[:name]); !bytes.Equal(key, texts[:name]) {
		texts = append(texts, key...)
	}
	text := string(texts)
	e.Name, e.Details, e.sortKey = text[:name], text[name:end], text[end:]
	if e.sortKey == "" {
		e.sortKey = e.Name
	}
	return e
}

// Account returns the name of the account that the client belongs to.
func (e *Entry) Account() string { return e.account.name }

// of reports whether there is such a client, and it belongs to an account.
func (e *Entry) of(account string) bool { return e != nil && e.account.name == account }

// compareNames orders by name without regard to case, then by id.
func compareNames(a, b *Entry) int {
	return cmp.Or(strings.Compare(a.sortKey, b.sortKey), cmp.Compare(a.ID, b.ID))
}

// compareUpdates orders by the time of the last change, then by id.
func compareUpdates(a, b *Entry) int {
	return cmp.Or(a.UpdatedAt.Compare(b.UpdatedAt), cmp.Compare(a.ID, b.ID))
}

// replace puts new in the place of old. Either may be nil.
func (a *account) replace(old, new *Entry) {
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

// RestoreAccount adds an account with its clients, in the order of a list. It fails where a client is there already.
func (m *Model) RestoreAccount(name string, revision domain.Revision, clients []*Entry) error {
	a := newAccount(name)
	a.revision = revision
	for _, e := range clients {
		e.account = a
	}
	var trees sync.WaitGroup
	trees.Go(func() {
		for _, u := range sortedByUpdate(clients) {
			a.byUpdate.Load(u.entry)
		}
	})
	trees.Go(func() {
		for _, e := range clients {
			a.byName.Load(e)
		}
	})
	if len(m.byID) == 0 { // most are of one account
		m.byID = make(map[int64]*Entry, len(clients))
	}
	want := len(m.byID) + len(clients)
	for _, e := range clients {
		m.byID[e.ID] = e
	}
	trees.Wait()
	if m.accounts[name] = a; len(m.byID) != want {
		return fmt.Errorf("duplicate client, in account %s or another", name)
	}
	return nil
}

// updated is an entry with copies of the values that order it by its last change. Sorting a million entries then takes a
// third of the time: it does not follow a pointer for each comparison.
type updated struct {
	at, id int64
	entry  *Entry
}

func sortedByUpdate(clients []*Entry) []updated {
	sorted := make([]updated, len(clients))
	for i, e := range clients {
		sorted[i] = updated{e.UpdatedAt.UnixNano(), e.ID, e}
	}
	slices.SortFunc(sorted, func(a, b updated) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) })
	return sorted
}
