package embedded

import (
	"fmt"

	"clients/eventstore"
	"clients/eventstore/blockfile"
	"clients/eventstore/deadletter"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats-server/v2/server/avl"
	"github.com/nats-io/nats.go"
)

// scanned is what a scan of the files of a store has found.
type scanned struct {
	last uint64 // sequence of the stream of events, 0 where there is none
	// inClear holds the sequences of messages that were deleted and are still in the files, by stream.
	inClear map[string]map[uint64]bool
}

// scan checks the files of a store.
//
// Each sequence of the stream of events must be there, unless it was removed: a record in the files accounts for it. Otherwise
// it was purged or deleted, or its file is damaged.
func scan(store string) (found scanned, err error) {
	messages := make(map[string]*avl.SequenceSet)
	found.inClear = make(map[string]map[uint64]bool)
	for _, stream := range []string{eventstore.Stream, deadletter.Stream, upstream.Projects.Name, upstream.Invoices.Name} {
		messages[stream], found.inClear[stream] = &avl.SequenceSet{}, make(map[uint64]bool)
	}
	var removals eventstore.Removals
	err = blockfile.Scan(store, eventstore.RemovalSubject, func(r blockfile.Record) error {
		if r.Stream == eventstore.Stream {
			found.last = max(found.last, r.Sequence)
		}
		if r.Stream == eventstore.Stream && r.Message != nil {
			removals.Add(decode(r))
		}
		switch of := messages[r.Stream]; {
		case of == nil:
		case !r.Deleted:
			of.Insert(r.Sequence)
		default:
			if r.Tombstone && of.Exists(r.Sequence) {
				found.inClear[r.Stream][r.Sequence] = true
			}
			of.Delete(r.Sequence)
		}
		return nil
	})
	if err != nil {
		return scanned{}, err
	}
	if missing := lost(messages[eventstore.Stream], found.last, &removals); missing > 0 {
		return scanned{}, fmt.Errorf("%w: %d of %d are missing", eventstore.ErrIncomplete, missing, found.last)
	}
	return found, nil
}

// lost returns how many of the messages up to the last one are missing without a record that accounts for them.
func lost(present *avl.SequenceSet, last uint64, removals *eventstore.Removals) (missing uint64) {
	if uint64(present.Size()) == last {
		return 0
	}
	for sequence := uint64(1); sequence <= last; sequence++ {
		if _, removed := removals.Record(sequence); !removed && !present.Exists(sequence) {
			missing++
		}
	}
	return missing
}

// decode returns the record of a message, which is no Removal if it cannot be decoded: the service reports that.
func decode(r blockfile.Record) eventstore.Record {
	header, _ := nats.DecodeHeadersMsg(r.Message.Header)
	record, _ := eventstore.Decode(r.Sequence, r.Message.StoredAt, eventstore.RemovalSubject, header, r.Message.Data)
	return record
}

// repair completes what a killed server had begun: it removes files that are left over, and overwrites messages that are
// still in the files although they were deleted.
func (s scanned) repair(store string) error {
	if err := blockfile.RemoveLeftovers(store, eventstore.SnapshotsStream); err != nil {
		return err
	}
	for stream, deleted := range s.inClear {
		if len(deleted) == 0 {
			continue
		}
		if err := blockfile.Overwrite(store, stream, deleted); err != nil {
			return err
		}
	}
	return nil
}
