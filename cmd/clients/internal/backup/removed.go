package backup

import (
	"errors"
	"fmt"
	"time"

	"clients/eventstore"

	"github.com/nats-io/jsm.go"
	"github.com/nats-io/jsm.go/api"
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
	events, err := information(manager, eventstore.Stream)
	if err != nil {
		return r, err
	}
	snapshots, err := information(manager, eventstore.SnapshotsStream)
	if err != nil {
		return r, err
	}
	return removed{events.State.LastSeq - events.State.Msgs, snapshots.Created}, nil
}

// information returns the information of a stream.
func information(manager *jsm.Manager, name string) (*api.StreamInfo, error) {
	stream, err := manager.LoadStream(name)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return stream.LatestInformation()
}
