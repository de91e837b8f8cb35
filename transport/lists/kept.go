package lists

import (
	"bytes"
	"iter"
	"sync"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/transport/wire"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Kept has encoded lists of accounts that do not change. The first reader of a list at a revision of its account measures it, and the
// next one keeps it, as for a program that polls: lists of an account that changes in between take no memory.
type Kept struct {
	size  int64 // in bytes
	mu    sync.Mutex
	lists *simplelru.LRU[key, *list]
	kept  int64 // bytes of lists
	used  int64 // the same, and bytes of dropped lists that are still sent
}

type key struct {
	account  string
	encoding *wire.Encoding
}

// list is a list at a revision of its account.
type list struct {
	revision domain.Revision
	size     int64    // in bytes; 0 until it was measured
	users    int      // 1 while it is kept, and its readers
	chunks   [][]byte // nil until it has been filled
}

// maxKept is a number of lists. Most are bounded by their size.
const maxKept = 1024

// NewKept returns a Kept that holds at most size bytes.
func NewKept(size int64) *Kept {
	k := &Kept{size: size}
	k.lists, _ = simplelru.NewLRU(maxKept, k.dropped) // an error is for a size below 1
	return k
}

// Chunks returns what [Chunks] does for the list of all clients of an account. The chunks must not be changed, and the caller
// has to range over them, once.
func (k *Kept) Chunks(account string, listing readmodel.Listing, e *wire.Encoding) iter.Seq2[[]byte, bool] {
	k.mu.Lock()
	defer k.mu.Unlock()
	at, chunks := key{account, e}, Chunks(listing, e)
	l, found := k.lists.Get(at)
	if !found || l.revision != listing.Revision {
		l = &list{revision: listing.Revision}
		k.lists.Remove(at)
		k.lists.Add(at, l)
	}
	filled := l.chunks != nil
	switch {
	case l.size == 0:
		return func(yield func([]byte, bool) bool) { k.measure(l, chunks, yield) }
	case !filled && !k.reserve(l):
		return chunks
	}
	l.users++
	return func(yield func([]byte, bool) bool) {
		defer k.leave(l)
		if !filled {
			k.fill(l, chunks)
		}
		for i, chunk := range l.chunks {
			if !yield(chunk, i == len(l.chunks)-1) {
				return
			}
		}
	}
}

// measure yields all chunks. The size is known unless the reader leaves before the last one.
func (k *Kept) measure(l *list, chunks iter.Seq2[[]byte, bool], yield func([]byte, bool) bool) {
	var size int64
	for chunk, last := range chunks {
		if size += int64(len(chunk)); last {
			k.mu.Lock()
			l.size = size
			k.mu.Unlock()
		}
		if !yield(chunk, last) {
			return
		}
	}
}

// reserve makes room for a list, if there is any. Lists that were used least recently are dropped for it, and leave their room when they
// are no longer sent.
func (k *Kept) reserve(l *list) bool {
	if l.users > 0 || l.size > k.size {
		return false
	}
	for k.kept+l.size > k.size {
		k.lists.RemoveOldest()
	}
	if k.used+l.size > k.size {
		return false
	}
	k.kept += l.size
	k.used += l.size
	l.users = 1
	return true
}

func (k *Kept) dropped(_ key, l *list) {
	if l.users > 0 {
		k.kept -= l.size
		k.unuse(l)
	}
}

func (k *Kept) leave(l *list) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unuse(l)
}

func (k *Kept) unuse(l *list) {
	if l.users--; l.users == 0 {
		k.used -= l.size
	}
}

// fill encodes a list before any of it is sent: no reader can hold it up.
func (k *Kept) fill(l *list, chunks iter.Seq2[[]byte, bool]) {
	var copies [][]byte
	for chunk := range chunks {
		copies = append(copies, bytes.Clone(chunk))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	l.chunks = copies
}
