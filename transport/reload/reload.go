// Package reload keeps what is made of files, and makes it anew when they change.
package reload

import (
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// Content is what files hold, by their names.
type Content map[string][]byte

// Kept is what was last made of some files. What is made of them has to be whole: when the files change into something
// that nothing can be made of, the last good one stays, or what can be salvaged of it. It is safe for concurrent use.
type Kept[T any] struct {
	read    func() (Content, error)
	make    func(Content) (T, error)
	salvage func(T, Content) T
	current atomic.Pointer[T]
	stale   atomic.Bool

	mu   sync.Mutex
	seen [sha256.Size]byte // what the files held, or the failure of reading them, when they were last looked at
}

// errUnsettled tells of files that change while they are read.
var errUnsettled = errors.New("it changes all the time")

// attempts bounds how often Open reads files that change meanwhile.
const attempts = 10

// Open reads the files and makes the first T of them. It answers what read or make answer when they fail. Unless it is
// nil, salvage answers later what stands of the last good T beside files that nothing can be made of; with an error read
// may hand it what could be read.
func Open[T any](read func() (Content, error), make func(Content) (T, error), salvage func(last T, content Content) T) (*Kept[T], error) {
	k := &Kept[T]{read: read, make: make, salvage: salvage}
	for range attempts {
		content, seen, err := k.look()
		if errors.Is(err, errUnsettled) {
			continue
		}
		if err != nil {
			return nil, err
		}
		made, err := make(content)
		if err != nil {
			return nil, err
		}
		k.seen = seen
		k.current.Store(&made)
		return k, nil
	}
	return nil, errUnsettled
}

// Get answers the T of the last good files.
func (k *Kept[T]) Get() T { return *k.current.Load() }

// Stale reports whether the files hold something else by now, of which nothing could be made.
func (k *Kept[T]) Stale() bool { return k.stale.Load() }

// Reload looks at the files. It reports whether a new T was made of them, and an error when they have changed into
// something that nothing can be made of: once for each change.
func (k *Kept[T]) Reload() (changed bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	content, seen, err := k.look()
	if errors.Is(err, errUnsettled) || seen == k.seen {
		return false, nil
	}
	k.seen = seen
	var made T
	if err == nil {
		made, err = k.make(content)
	}
	k.stale.Store(err != nil)
	if err != nil {
		if k.salvage != nil {
			left := k.salvage(k.Get(), content)
			k.current.Store(&left)
		}
		return false, err
	}
	k.current.Store(&made)
	return true, nil
}

// look reads the files twice: what was read while somebody was changing them is a mixture that never stood.
func (k *Kept[T]) look() (Content, [sha256.Size]byte, error) {
	content, err := k.read()
	seen := digest(content, err)
	if seen == k.seen {
		return content, seen, err
	}
	again, errAgain := k.read()
	if digest(again, errAgain) != seen {
		return nil, seen, errUnsettled
	}
	return content, seen, err
}

// digest tells contents and failures apart.
func digest(content Content, err error) (sum [sha256.Size]byte) {
	h := sha256.New()
	write := func(part []byte) {
		h.Write(strconv.AppendInt(nil, int64(len(part)), 10))
		h.Write([]byte{':'})
		h.Write(part)
	}
	for _, name := range slices.Sorted(maps.Keys(content)) {
		write([]byte(name))
		write(content[name])
	}
	if err != nil {
		h.Write([]byte(err.Error()))
	}
	h.Sum(sum[:0])
	return sum
}
