package readmodel

import (
	"iter"
	"math/bits"

	"github.com/tidwall/btree"
)

// IDSet is a set of ids that only grows, 64 of them to a word: clients that are created one after the other have ids next
// to each other. A copy costs nothing.
type IDSet struct {
	words *btree.Map[int64, uint64]
	size  int
}

// NewIDSet returns an empty set.
func NewIDSet() *IDSet { return &IDSet{words: new(btree.Map[int64, uint64])} }

// Add adds an id.
func (s *IDSet) Add(id int64) {
	if s.Has(id) {
		return
	}
	word, _ := s.words.Get(id >> 6)
	s.words.Set(id>>6, word|1<<(id&63))
	s.size++
}

// Has reports whether an id is in the set.
func (s *IDSet) Has(id int64) bool {
	word, _ := s.words.Get(id >> 6)
	return word&(1<<(id&63)) != 0
}

// Len returns how many ids there are.
func (s *IDSet) Len() int { return s.size }

// Copy returns a copy that stays as it is.
func (s *IDSet) Copy() *IDSet { return &IDSet{words: s.words.Copy(), size: s.size} }

// All returns the ids, in order.
func (s *IDSet) All() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		s.words.Scan(func(high int64, word uint64) bool {
			for ; word != 0; word &= word - 1 {
				if !yield(high<<6 + int64(bits.TrailingZeros64(word))) {
					return false
				}
			}
			return true
		})
	}
}
