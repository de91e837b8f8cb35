// Package reload keeps a value that is made of files up to date.
//
//	read ─→ Content ─→ make ─→ T ─→ Get
//
// Reload reads the files again. If they have changed, make returns the new value. If make fails, the last valid value stays,
// or what salvage returns of it. Files are read twice, so that a value is never made of files that were just being replaced.
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

// Content is the content of files by name.
type Content map[string][]byte

// Kept is the last valid value made of some files. It is safe for concurrent use.
type Kept[T any] struct {
	read    func() (Content, error)
	make    func(Content) (T, error)
	salvage func(T, Content) T
	current atomic.Pointer[T]
	stale   atomic.Bool

	mu   sync.Mutex
	seen [sha256.Size]byte // what the files held, or the failure of reading them, when they were last looked at
}

// errUnsettled reports files that change while they are read.
var errUnsettled = errors.New("it changes all the time")

// attempts bounds how often Open reads files that change meanwhile.
const attempts = 10

// Open reads the files and makes the first T of them. It returns the error of read or make. Unless it is nil, salvage later
// returns what remains of the last valid T when the files are invalid; with an error, read may return what could be read.
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

// Get returns the T of the last valid files.
func (k *Kept[T]) Get() T { return *k.current.Load() }

// Stale reports whether the files have changed and are invalid.
func (k *Kept[T]) Stale() bool { return k.stale.Load() }

// Reload reads the files, and reports whether a new T was made of them. It returns an error if they have changed and are
// invalid, once for each change.
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

// look reads the files twice: content that was read while they were being replaced is a mixture.
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

// digest returns a hash of a content and an error.
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
