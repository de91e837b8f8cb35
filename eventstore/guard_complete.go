package eventstore

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"clients/eventstore/internal/jsapi"
)

// ErrIncomplete reports that the stream holds fewer messages than were stored in it. Every sequence was one message, and
// nothing of the service removes any.
var ErrIncomplete = errors.New("messages are missing from the stream " + Stream + ": list them with clients verify (of a stopped embedded store: --data-dir), and restore a backup")

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

// complete returns ErrIncomplete when the stream has a gap at its beginning or further on. Like other contradictions it is
// taken from one of several servers only once it cannot be behind any more; until then the error is errBehind.
func (i *identity) complete(info jsapi.StreamInfo) error {
	state := info.State
	missing := state.Last - min(state.Last, state.Messages+i.excused.upTo(state.Last))
	if missing == 0 {
		i.certain(&i.lacking)
		return nil
	}
	return i.doubt(&i.lacking, info.Cluster.Single(), fmt.Errorf("%w: %d of %d are gone; the first one left is %d, the last one %d",
		ErrIncomplete, missing, state.Last, state.First, state.Last))
}
