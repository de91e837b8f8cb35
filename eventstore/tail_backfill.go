package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// errNoResponse reports that the stream's leader does not respond.
var errNoResponse = fmt.Errorf("%w: the stream's leader does not respond", errInterrupted)

const (
	catchUpTimeout = 500 * time.Millisecond // for the leader, which is asked again later
	backfillBatch  = 32                     // messages that are read before they are applied, at most
)

// catchUp reads from the leader up to the end of the stream, and reports whether there was anything to read. A leader that
// does not respond is no error.
func (t *tail) catchUp(ctx context.Context) (found bool, err error) {
	limited, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	info, err := t.guard.state(limited)
	if err != nil {
		return false, nil
	}
	before := t.reached.sequence
	err = t.backfill(limited, info.State.Last)
	if errors.Is(err, errNoResponse) {
		err = nil
	}
	return t.reached.sequence > before, t.explainMissing(ctx, err)
}

// backfill applies what the leader has behind what was applied, up to a sequence. It returns errNoResponse,
// jetstream.ErrMsgNotFound, what must not be skipped, or the error of apply.
func (t *tail) backfill(ctx context.Context, upTo uint64) error {
	for t.reached.sequence < upTo {
		batch, fault := t.fetch(ctx, upTo)
		if len(batch) > 0 {
			t.gap = gap{}
			if err := t.guard.checkMessage(ctx, t.reached); err != nil { // afterwards: what was read follows on that
				return fmt.Errorf("%w: %w", errNoResponse, err)
			}
			if err := t.advance(batch); err != nil {
				return err
			}
		}
		if fault != nil {
			return fault
		}
	}
	return nil
}

// fetch reads the next messages from the leader, up to a sequence.
func (t *tail) fetch(ctx context.Context, upTo uint64) ([]Record, error) {
	batch := t.batch[:0]
	for next := t.reached.sequence + 1; next <= upTo && len(batch) < backfillBatch; next++ {
		record, err := t.reader.next(ctx, "", next)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound), errors.As(err, new(*CorruptError)), errors.As(err, new(*UnknownEventError)):
			return batch, err
		case err != nil:
			return batch, fmt.Errorf("%w: %w", errNoResponse, err)
		}
		batch = append(batch, record)
	}
	return batch, nil
}

// gap is a message that the leader says it lacks though the stream goes further.
type gap struct {
	sequence uint64
	suspicion
}

// explainMissing returns err, unless that is that the leader lacks the next message. Then the message may be missing, or
// only not known to the server that responded: a stale leader may respond that it has no such message. It is missing if
// leaders respond so for longer than a stale one can.
func (t *tail) explainMissing(ctx context.Context, err error) error {
	if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return err
	}
	missing := t.reached.sequence + 1
	late := fmt.Errorf("%w: message %d did not arrive", errInterrupted, missing)
	info, err := t.reader.api.StreamInfo(ctx, Stream)
	if err != nil || info.State.Last < missing {
		return late
	}
	if t.gap.sequence != missing {
		t.gap = gap{sequence: missing}
	}
	if !t.gap.repeated() && !info.Cluster.Single() {
		return late
	}
	return &CorruptError{Sequence: missing, Reason: "the message is missing"}
}
