// Package reload keeps a value that is made of files up to date.
//
//	read ─→ Content ─→ make ─→ T ─→ Get
//
// Reload reads the files again. If they have changed, make returns the new value. If make fails, the last valid value stays,
// or what salvage returns of it. Changed files are read twice, and used by the next Reload if they are just being replaced.
package reload

import (
	"bytes"
	"fmt"
	"maps"
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
	seen files // when they were last read
}

// files is what the files hold, or why they cannot be read.
type files struct {
	content Content
	err     error
}

func (f files) equal(other files) bool {
	return fmt.Sprint(f.err) == fmt.Sprint(other.err) && maps.EqualFunc(f.content, other.content, bytes.Equal)
}

// Open reads the files and makes the first T of them. It returns the error of read or make. Unless it is nil, salvage later
// returns what remains of the last valid T when the files are invalid; with an error, read may return what could be read.
func Open[T any](read func() (Content, error), make func(Content) (T, error), salvage func(last T, content Content) T) (*Kept[T], error) {
	k := &Kept[T]{read: read, make: make, salvage: salvage}
	return k, k.use(k.look())
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
	found := k.look()
	if found.equal(k.seen) || !found.equal(k.look()) {
		return false, nil
	}
	err = k.use(found)
	if err != nil && k.salvage != nil {
		left := k.salvage(k.Get(), found.content)
		k.current.Store(&left)
	}
	k.stale.Store(err != nil)
	return err == nil, err
}

func (k *Kept[T]) look() (found files) {
	found.content, found.err = k.read()
	return found
}

// use makes the current T of files.
func (k *Kept[T]) use(found files) error {
	k.seen = found
	if found.err != nil {
		return found.err
	}
	made, err := k.make(found.content)
	if err == nil {
		k.current.Store(&made)
	}
	return err
}
