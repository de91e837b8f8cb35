package lists

import (
	"bytes"
	"iter"
	"runtime"
	"sync"

	"clients/domain"
	"clients/projections/readmodel"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/semaphore"
)

// Kept has encoded lists of accounts that do not change. The first reader of a list at a revision of its account measures it, and the
// next one keeps it, as for a program that polls: lists of an account that changes in between take no memory.
type Kept struct {
	size   int64               // of memory
	memory *semaphore.Weighted // also of dropped lists until they have been sent and collected
	mu     sync.Mutex
	lists  *simplelru.LRU[key, *list]
	kept   int64 // bytes that lists have reserved
}

type key struct {
	account  string
	encoding *Encoding
}

// list is a list at a revision of its account.
type list struct {
	revision domain.Revision
	size     int64    // in bytes; 0 until it was measured
	reserved int64    // 0 or size
	chunks   [][]byte // nil until it is kept
}

// maxKept is a number of lists. Most are bounded by their size.
const maxKept = 1024

// NewKept returns a Kept that holds at most size bytes.
func NewKept(size int64) *Kept {
	k := &Kept{size: size, memory: semaphore.NewWeighted(size)}
	k.lists, _ = simplelru.NewLRU(maxKept, func(_ key, l *list) { k.kept -= l.reserved }) // an error is for a size below 1
	return k
}

// Chunks returns what [Encoding.Chunks] does for the list of all clients of an account. The chunks must not be changed.
func (k *Kept) Chunks(account string, listing readmodel.Listing, e *Encoding, buffer *[]byte) iter.Seq2[[]byte, bool] {
	k.mu.Lock()
	defer k.mu.Unlock()
	at, chunks := key{account, e}, e.Chunks(listing, buffer)
	l, found := k.lists.Get(at)
	if !found || l.revision != listing.Revision {
		l = &list{revision: listing.Revision}
		k.lists.Remove(at)
		k.lists.Add(at, l)
	}
	switch {
	case l.chunks != nil:
		return l.all
	case l.size == 0:
		return func(yield func([]byte, bool) bool) { k.measure(l, chunks, yield) }
	case k.reserve(l):
		return func(yield func([]byte, bool) bool) {
			k.fill(l, chunks)
			l.all(yield)
		}
	}
	return chunks
}

func (l *list) all(yield func([]byte, bool) bool) {
	defer runtime.KeepAlive(l) // its memory counts until then
	for i, chunk := range l.chunks {
		if !yield(chunk, i == len(l.chunks)-1) {
			return
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

// reserve reserves memory for a list until it is collected, if there is any. Lists that were used least recently are dropped for it, and
// leave theirs when they have been collected.
func (k *Kept) reserve(l *list) bool {
	if l.reserved > 0 || l.size > k.size {
		return false
	}
	for k.kept+l.size > k.size {
		k.lists.RemoveOldest()
	}
	if !k.memory.TryAcquire(l.size) {
		return false
	}
	l.reserved = l.size
	k.kept += l.size
	runtime.AddCleanup(l, k.memory.Release, l.size)
	return true
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
