package projections

import (
	"iter"
	"math/bits"

	"github.com/tidwall/btree"
)

// idSet is a set of ids that only grows, 64 of them to a word: clients that are created one after the other have ids next
// to each other. A copy costs nothing.
type idSet struct {
	words *btree.Map[int64, uint64]
	size  int
}

func newIDSet() *idSet { return &idSet{words: new(btree.Map[int64, uint64])} }

func (s *idSet) add(id int64) {
	if s.has(id) {
		return
	}
	word, _ := s.words.Get(id >> 6)
	s.words.Set(id>>6, word|1<<(id&63))
	s.size++
}

func (s *idSet) has(id int64) bool {
	word, _ := s.words.Get(id >> 6)
	return word&(1<<(id&63)) != 0
}

func (s *idSet) copy() *idSet { return &idSet{words: s.words.Copy(), size: s.size} }

// all returns the ids in their order.
func (s *idSet) all() iter.Seq[int64] {
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
