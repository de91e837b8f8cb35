package readmodel

import (
	"iter"
	"slices"
	"time"

	"clients/domain"
)

// Listing is clients of one account as of one sequence.
type Listing struct {
	Sequence uint64          // of the stream: all events up to it are reflected, and none behind it
	Revision domain.Revision // changes with every event of a client of the account
	Len      int             // how many clients there are
	entries  iter.Seq[*Entry]
}

// List returns all clients of an account.
func (d *Directory) List(account string) Listing {
	d.mu.Lock() // a copy marks what it shares
	defer d.mu.Unlock()
	return d.model.List(account)
}

// List returns all clients of an account.
func (m *Model) List(account string) Listing {
	a := m.account(account)
	clients := a.byName.Copy()
	return Listing{Sequence: m.Sequence, Revision: a.revision, Len: clients.Len(), entries: func(yield func(*Entry) bool) { clients.Scan(yield) }}
}

// maxSorted is how many clients UpdatedSince sorts. More are picked from the list of all, so that a reader who takes a long time for
// them holds no list of its own.
const maxSorted = 16 << 10

// UpdatedSince returns the clients of an account that were updated at since or later.
func (d *Directory) UpdatedSince(account string, since time.Time) Listing {
	d.mu.Lock()
	listing, updates := d.model.List(account), d.model.account(account).byUpdate.Copy()
	d.mu.Unlock()
	var found []*Entry
	listing.Len = 0
	updates.Ascend(&Entry{Client: domain.Client{UpdatedAt: since}}, func(e *Entry) bool {
		if listing.Len++; listing.Len <= maxSorted {
			found = append(found, e)
		}
		return true
	})
	if all := listing.entries; listing.Len > maxSorted {
		listing.entries = func(yield func(*Entry) bool) {
			all(func(e *Entry) bool { return e.UpdatedAt.Before(since) || yield(e) })
		}
		return listing
	}
	slices.SortFunc(found, compareNames)
	listing.entries = slices.Values(found)
	return listing
}

// Clients returns the clients, ordered by name without regard to case, then by id. They must not be changed.
//
// A long list is bound by memory access, for clients lie where they were last changed. So it is read a few clients ahead of
// the caller: their cache misses then overlap, instead of following on one another.
func (l Listing) Clients() iter.Seq[*domain.Client] {
	return func(yield func(*domain.Client) bool) {
		ahead := make([]*Entry, 0, readAhead)
		flush := func() (more bool) {
			touch(ahead)
			for _, e := range ahead {
				if !yield(&e.Client) {
					return false
				}
			}
			ahead = ahead[:0]
			return true
		}
		for e := range l.entries {
			if ahead = append(ahead, e); len(ahead) == readAhead && !flush() {
				return
			}
		}
		flush()
	}
}

const readAhead = 32

// touch brings entries and their texts into the cache. Its result keeps the compiler from removing the reads.
//
//go:noinline
func touch(entries []*Entry) (sum int) {
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
