package backup

import (
	"errors"
	"fmt"
	"time"

	"clients/eventstore"

	"github.com/nats-io/jsm.go"
)

// ErrRemoved reports that an erasure or a skip has removed messages while the streams were copied. The copies do not fit each other
// then: that of the events lacks messages, or that of the snapshots has texts of a client whose events are gone.
var ErrRemoved = errors.New("messages were erased or skipped during the backup")

// removed is what an erasure or a skip changes.
type removed struct {
	events    uint64    // how many were removed so far
	snapshots time.Time // when their stream was created, which an erasure makes again
}

func removedSoFar(manager *jsm.Manager) (r removed, err error) {
	events, err := manager.LoadStream(eventstore.Stream)
	if err != nil {
		return r, fmt.Errorf("stream %s: %w", eventstore.Stream, err)
	}
	state, err := events.LatestState()
	if err != nil {
		return r, err
	}
	r.events = state.LastSeq - state.Msgs
	snapshots, err := manager.LoadStream(eventstore.SnapshotsStream)
	if err != nil {
		return r, fmt.Errorf("stream %s: %w", eventstore.SnapshotsStream, err)
	}
	info, err := snapshots.LatestInformation()
	if err == nil {
		r.snapshots = info.Created
	}
	return r, err
}
