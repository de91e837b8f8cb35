package projections

import (
	"crypto/sha256"
	"fmt"
)

// digest is the same for all snapshots of what is the same.
func (s *Snapshot) digest() [32]byte {
	hash := sha256.New()
	e := newSnapshotEncoder(hash)
	e.snapshot(s)
	_ = e.flush() // a hash takes everything
	return [32]byte(hash.Sum(nil))
}

// difference says in words where d, which was restored from a snapshot, is not what the stream gives.
func (d *Directory) difference(stream *Directory) string {
	differ, first := 0, ""
	note := func(account string, id int64) {
		if differ++; differ > 1 {
			return
		}
		first = fmt.Sprintf("client %d of account %s is %s in it, and by the stream it is ", id, account, d.inWords(account, id))
		if other := stream.inWords(account, id); other != d.inWords(account, id) {
			first += other
		} else {
			first += "so too, with other values"
		}
	}
	for id, e := range d.byID {
		if other := stream.byID[id]; !other.of(e.account.name) || !e.same(other) {
			note(e.account.name, id)
		}
	}
	for id, e := range stream.byID {
		if !d.byID[id].of(e.account.name) {
			note(e.account.name, id)
		}
	}
	switch differ {
	case 0:
		return "the clients are the same, and what it says of deleted ones, of times, or of projects and invoices is not"
	case 1:
		return first
	}
	return fmt.Sprintf("%d clients differ: %s", differ, first)
}

// inWords says which state a client is in.
func (d *Directory) inWords(account string, id int64) string {
	if e := d.byID[id]; e.of(account) {
		return e.inWords()
	}
	if d.deleted.has(id) {
		return "deleted"
	}
	return "not there"
}

func (e *entry) inWords() string {
	return fmt.Sprintf("at version %d, of sequence %d, with the checksum %016x", e.Revision.Version, e.lastSequence, e.Revision.Checksum)
}

// same tells whether two entries are of the same client in the same state.
func (e *entry) same(other *entry) bool {
	a, b := *e, *other
	a.account, b.account = nil, nil
	for _, c := range []*entry{&a, &b} { // a moment has more than one form
		c.CreatedAt, c.UpdatedAt = c.CreatedAt.UTC(), c.UpdatedAt.UTC()
	}
	return a == b
}
