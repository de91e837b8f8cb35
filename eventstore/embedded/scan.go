package embedded

import (
	"fmt"

	"clients/eventstore"
	"clients/eventstore/blockfile"

	"github.com/nats-io/nats-server/v2/server/avl"
)

// scanned is what a scan of the files of a store has found.
type scanned struct {
	last uint64 // sequence of the stream of events, 0 where there is none
	// inClear holds the sequences of messages that were deleted and are still in the files, by stream.
	inClear map[string]map[uint64]bool
}

// scan checks the files of a store.
//
// Each sequence of the stream of events must be there, as a message or as one that was deleted, which is for
// eventstore.Open to judge. A sequence without a trace was purged, or its file is damaged.
func scan(store string) (found scanned, err error) {
	var seen avl.SequenceSet
	messages := map[string]*avl.SequenceSet{eventstore.Stream: {}, eventstore.QuarantineStream: {}}
	found.inClear = map[string]map[uint64]bool{eventstore.Stream: {}, eventstore.QuarantineStream: {}}
	err = blockfile.Scan(store, func(r blockfile.Record) error {
		if r.Stream == eventstore.Stream {
			seen.Insert(r.Sequence)
			found.last = max(found.last, r.Sequence)
		}
		switch of := messages[r.Stream]; {
		case of == nil:
		case !r.Deleted:
			of.Insert(r.Sequence)
		case r.Tombstone && of.Exists(r.Sequence):
			found.inClear[r.Stream][r.Sequence] = true
		}
		return nil
	})
	if err != nil {
		return scanned{}, err
	}
	if missing := found.last - uint64(seen.Size()); missing > 0 {
		return scanned{}, fmt.Errorf("%w: %d of %d are missing", eventstore.ErrIncomplete, missing, found.last)
	}
	return found, nil
}

// repair completes what a killed server had begun: it overwrites messages that are still in the files although they were
// deleted, and removes files that are left over.
func (s scanned) repair(store string) error {
	for stream, deleted := range s.inClear {
		if len(deleted) == 0 {
			continue
		}
		if err := blockfile.Overwrite(store, stream, deleted); err != nil {
			return err
		}
	}
	return blockfile.RemoveLeftovers(store, eventstore.SnapshotsStream)
}
