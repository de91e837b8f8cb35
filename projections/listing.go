package projections

import (
	"iter"
	"slices"
	"time"

	"clients/domain"
)

// Listing holds clients of one account as of one moment.
type Listing struct {
	// Revision changes with everything that happens to a client of the account.
	Revision domain.Revision
	// Len is how many clients there are.
	Len     int
	entries iter.Seq[*entry]
}

// List answers all clients of an account.
func (d *Directory) List(account string) Listing {
	names, _, revision := d.view(account)
	return Listing{Revision: revision, Len: names.Len(), entries: func(yield func(*entry) bool) { names.Scan(yield) }}
}

// UpdatedSince answers the clients of an account that were updated at since or later.
func (d *Directory) UpdatedSince(account string, since time.Time) Listing {
	_, updates, revision := d.view(account)
	var found []*entry
	updates.Ascend(&entry{Client: domain.Client{UpdatedAt: since}}, func(e *entry) bool {
		found = append(found, e)
		return true
	})
	slices.SortFunc(found, compareNames)
	return Listing{Revision: revision, Len: len(found), entries: slices.Values(found)}
}

// view copies the roots of an account's trees: what is folded later does not show in the copies.
func (d *Directory) view(name string) (names, updates *tree, revision domain.Revision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.accounts[name]
	if a == nil {
		a = newAccount(name)
	}
	return a.byName.Copy(), a.byUpdate.Copy(), a.revision
}

// Clients answers the clients, ordered by name without regard to case, then by id. They must not be changed.
//
// A long list is bound by the way to memory, for clients lie where they were last changed. So it is read a few clients
// ahead of who renders it: their cache misses then overlap, instead of following on one another.
func (l Listing) Clients() iter.Seq[*domain.Client] {
	return func(yield func(*domain.Client) bool) {
		var ahead [readAhead]*entry
		filled := 0
		flush := func() (more bool) {
			touch(ahead[:filled])
			for _, e := range ahead[:filled] {
				if !yield(&e.Client) {
					return false
				}
			}
			filled = 0
			return true
		}
		for e := range l.entries {
			ahead[filled] = e
			if filled++; filled == readAhead && !flush() {
				return
			}
		}
		flush()
	}
}

const readAhead = 32

// touch brings entries and their texts close. What it answers keeps the compiler from leaving it out.
//
//go:noinline
func touch(entries []*entry) (sum int) {
	for _, e := range entries {
		sum += len(e.Name) + len(e.LastInvoiceKind) + e.UpdatedAt.Nanosecond()
	}
	for _, e := range entries {
		if len(e.Name) > 0 {
			sum += int(e.Name[0])
		}
		if n := len(e.Details); n > 0 {
			sum += int(e.Details[n-1])
		}
	}
	return sum
}
