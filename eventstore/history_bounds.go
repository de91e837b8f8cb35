package eventstore

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// bound finds out from which sequence to which the stream of events in the data directory dir should go, by what was
// found of it and by the high-water mark.
func (h *History) bound(f *files, events *findings, mark uint64, dir string) error {
	s, index := f.streams[Stream], readIndex(events.msgs)
	if s == nil {
		if mark == 0 && h.Counter == 0 && len(h.Snapshots) == 0 {
			return fmt.Errorf("%w: %s", ErrNoHistory, dir)
		}
		h.Damage = append(h.Damage, &DamagedError{Stream: Stream, File: filepath.Join(f.dir, Stream), Reason: "the stream is gone"})
		s = f.stream(Stream)
	}
	h.Last = s.last
	if index.last > h.Last {
		h.Last, f.end = index.last, indexName
	}
	if mark > h.Last {
		h.Last, f.end = mark, "the high-water mark"
	}
	if h.Last > s.last {
		f.end = fmt.Sprintf("the stream ends at %d and had reached %d, as %s tells", s.last, h.Last, f.end)
	}
	h.First = s.last + 1
	if first, _, n := s.live.State(); n > 0 {
		h.First, h.Messages = first, n
	}
	if !events.opaque && len(index.blocks) > 0 && index.missing(events) != nil {
		h.First = min(h.First, index.first())
	}
	h.settle(f, events.torn)
	return nil
}

// settle leaves among the records the damage that lies between the bounds, or just beyond them.
func (h *History) settle(f *files, torn *DamagedError) {
	if torn != nil && h.Last > f.stream(Stream).last {
		f.damage[torn.Sequence] = torn
	} else if torn != nil {
		h.Notices = append(h.Notices, fmt.Sprintf("%s at byte %d: a message is cut short at the very end, as a crash leaves one that was not acknowledged; the next start takes it away",
			torn.File, torn.Offset))
	}
	sequences := slices.Sorted(maps.Keys(f.damage))
	for _, sequence := range slices.Backward(sequences) {
		if sequence == h.First-1 {
			h.First = sequence
		}
	}
	for _, sequence := range sequences {
		if sequence == h.Last+1 {
			h.Last = sequence
		}
		if sequence < h.First || sequence > h.Last || f.stream(Stream).live.Exists(sequence) {
			h.Damage = append(h.Damage, f.damage[sequence])
			delete(f.damage, sequence)
		}
	}
}

// first is the first sequence that an index tells of.
func (x index) first() uint64 {
	for _, b := range x.blocks {
		for sequence := b.first; sequence <= b.last; sequence++ {
			if !b.deleted.Exists(sequence) {
				return sequence
			}
		}
	}
	return x.last + 1
}
