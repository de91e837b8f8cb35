package lists

import (
	"bytes"
	"iter"
	"runtime"
	"sync"

	"clients/domain"
	"clients/projections/readmodel"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/semaphore"
)

// Kept has encoded lists of accounts that do not change. A list is kept when it is sent for the second time at a revision of
// its account, as to a program that polls: lists of an account that changes in between take no memory.
type Kept struct {
	memory *semaphore.Weighted // also of lists that are no longer kept and still sent
	mu     sync.Mutex
	lists  *lru.Cache[key, *kept]
}

type key struct {
	account  string
	encoding *Encoding
}

// kept is a list at a revision of its account.
type kept struct {
	revision domain.Revision
	chunks   [][]byte // nil while it is not kept
	filling  bool
}

// maxKept is a number of lists. Most are bounded by their size.
const maxKept = 1024

// NewKept returns a Kept that holds at most size bytes.
func NewKept(size int64) *Kept {
	lists, _ := lru.New[key, *kept](maxKept) // an error is for a size below 1
	return &Kept{memory: semaphore.NewWeighted(size), lists: lists}
}

// Chunks returns what [Encoding.Chunks] does for the list of all clients of an account. The chunks must not be changed.
func (k *Kept) Chunks(account string, listing readmodel.Listing, e *Encoding, buffer *[]byte) iter.Seq2[[]byte, bool] {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := key{account, e}
	list, found := k.lists.Get(at)
	switch {
	case !found || list.revision != listing.Revision:
		k.lists.Add(at, &kept{revision: listing.Revision})
	case list.chunks != nil:
		return list.all
	case !list.filling:
		list.filling = true
		return func(yield func([]byte, bool) bool) { k.fill(list, e.Chunks(listing, buffer), yield) }
	}
	return e.Chunks(listing, buffer)
}

func (l *kept) all(yield func([]byte, bool) bool) {
	defer runtime.KeepAlive(l) // its memory counts until then
	for i, chunk := range l.chunks {
		if !yield(chunk, i == len(l.chunks)-1) {
			return
		}
	}
}

// fill yields all chunks, and keeps them if there is room. If not, the list that was used least recently is dropped, and its room is there
// as soon as it has been collected.
func (k *Kept) fill(list *kept, chunks iter.Seq2[[]byte, bool], yield func([]byte, bool) bool) {
	var copies [][]byte
	var size int64
	fits, complete := true, false
	for chunk, last := range chunks {
		if fits = fits && k.memory.TryAcquire(int64(len(chunk))); fits {
			size += int64(len(chunk))
			copies = append(copies, bytes.Clone(chunk))
		}
		if complete = last; !yield(chunk, last) {
			break
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	list.filling = false
	if !fits {
		k.lists.RemoveOldest()
	}
	if !fits || !complete {
		k.memory.Release(size)
		return
	}
	list.chunks = copies
	runtime.AddCleanup(list, k.memory.Release, size)
}
