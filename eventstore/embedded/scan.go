package embedded

import (
	"fmt"

	"clients/eventstore"
	"clients/eventstore/blockfile"

	"github.com/nats-io/nats-server/v2/server/avl"
)

// scan checks the files of a store, and returns the last sequence of the stream of events, 0 where there is none.
//
// Each sequence of that stream must be there, as a message or as one that was deleted, which is for eventstore.Open to
// judge. A sequence without a trace was purged, or its file is damaged.
func scan(store string) (last uint64, err error) {
	var seen avl.SequenceSet
	err = blockfile.Scan(store, func(r blockfile.Record) error {
		if r.Stream == eventstore.Stream {
			seen.Insert(r.Sequence)
			last = max(last, r.Sequence)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if missing := last - uint64(seen.Size()); missing > 0 {
		return 0, fmt.Errorf("%w: %d of %d are missing", eventstore.ErrIncomplete, missing, last)
	}
	return last, nil
}
