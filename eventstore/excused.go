package eventstore

import (
	"iter"
	"maps"
	"slices"
)

// Excused holds the sequences of messages whose absence is accounted for.
type Excused map[uint64]struct{}

// upTo returns how many of the sequences are at or below last.
func (e Excused) upTo(last uint64) (count uint64) {
	for sequence := range e {
		if sequence <= last {
			count++
		}
	}
	return count
}

// Rest returns the ranges of sequences from first to last that are not excused, in order.
func (e Excused) Rest(first, last uint64) iter.Seq2[uint64, uint64] {
	return func(yield func(first, last uint64) bool) {
		for _, sequence := range slices.Sorted(maps.Keys(e)) {
			if sequence < first || sequence > last {
				continue
			}
			if sequence > first && !yield(first, sequence-1) {
				return
			}
			first = sequence + 1
		}
		if first <= last {
			yield(first, last)
		}
	}
}
