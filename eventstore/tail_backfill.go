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

// catchUp applies what the leader has up to the end of the stream, and reports whether there was anything. A leader that
// does not respond is no error.
func (t *tail) catchUp(ctx context.Context) (found bool, err error) {
	limited, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	info, err := t.guard.state(limited)
	if err != nil {
		return false, nil
	}
	t.single = info.Config.Replicas == 1
	before := t.applied.Sequence
	err = t.backfill(limited, info.State.Last)
	if errors.Is(err, errNoResponse) {
		err = nil
	}
	return t.applied.Sequence > before, t.explainMissing(ctx, err)
}

// backfill applies what the leader has up to a sequence. Nothing that was delivered may wait to be applied. It returns
// errNoResponse, jetstream.ErrMsgNotFound, what must not be skipped, or the error of apply.
func (t *tail) backfill(ctx context.Context, upTo uint64) error {
	for t.applied.Sequence < upTo {
		batch, fault := t.readBatch(ctx, upTo)
		if len(batch) > 0 {
			if err := t.guard.checkMessage(ctx, t.applied); err != nil { // afterwards: what was read follows on that
				return fmt.Errorf("%w: %w", errNoResponse, err)
			}
			if err := t.applyBatch(batch); err != nil {
				return err
			}
		}
		if fault != nil {
			return fault
		}
	}
	return nil
}

// readBatch reads the next messages from the leader, up to a sequence. With an error it returns those before it.
func (t *tail) readBatch(ctx context.Context, upTo uint64) (batch []Record, err error) {
	for next := t.applied.Sequence + 1; next <= upTo && len(batch) < backfillBatch; next++ {
		record, err := t.readMessage(ctx, next)
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

// readMessage returns the message at a sequence, or what is known of it if it was removed.
func (t *tail) readMessage(ctx context.Context, sequence uint64) (Record, error) {
	record, removed := t.Removals.Record(sequence)
	if removed {
		return record, nil
	}
	record, err := nextRecord(ctx, t.api, "", sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		var failed error
		if record, removed, failed = t.Removals.Find(ctx, t.api, sequence); removed || failed != nil {
			err = failed
		}
	}
	t.Removals.Add(record)
	return record, err
}

// unreadable is a message that the leader lacks although it counts it.
type unreadable struct {
	sequence uint64
	suspicion
}

// explainMissing returns err, unless that is that the leader lacks the next message. Then the message may be missing, which
// is a fault that the guard finds, or only not known to the server that responded. A server also counts a message that it
// finds damaged on its disk, and responds that it has none: that is a *CorruptError.
func (t *tail) explainMissing(ctx context.Context, err error) error {
	if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return err
	}
	next := t.applied.Sequence + 1
	missing := fmt.Errorf("%w: message %d did not arrive", errInterrupted, next)
	info, err := t.guard.state(ctx)
	if err != nil || info.State.Last < next {
		return errors.Join(missing, err)
	}
	if t.unreadable.sequence != next {
		t.unreadable = unreadable{sequence: next}
	}
	if !t.unreadable.repeated(info.Cluster.Single()) {
		return missing
	}
	return &CorruptError{Sequence: next, Reason: "the message cannot be read"}
}
