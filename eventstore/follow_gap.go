package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// gap is a message that a follower has not got though the stream is beyond it.
type gap struct {
	sequence uint64
	since    time.Time
}

// deposed is how long a leader that a cluster has replaced may still answer.
const deposed = 12 * time.Second

// explainGap tells whether a message that did not arrive is gone, or was only not known to the server that was asked.
// Where servers hold the stream together, one that is not the leader any more may answer that it has no such message:
// it is gone when that is the answer for longer than such a server can last.
func (f *follower) explainGap(ctx context.Context, missing uint64) error {
	late := fmt.Errorf("%w: message %d did not arrive", errInterrupted, missing)
	if _, err := f.store.next(ctx, "", missing); !errors.Is(err, jetstream.ErrMsgNotFound) {
		f.gap = gap{}
		return late
	}
	state, err := f.store.state(ctx, Stream)
	if err != nil || state.State.Last < missing {
		return late
	}
	if f.gap.sequence != missing {
		f.gap = gap{missing, time.Now()}
	}
	if len(state.Cluster.Replicas) > 0 && time.Since(f.gap.since) < deposed {
		return late
	}
	return &CorruptError{Sequence: missing, Reason: "the message is missing"}
}
