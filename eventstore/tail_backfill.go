package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// errUnanswered tells that the stream's leader could not be asked.
var errUnanswered = fmt.Errorf("%w: the stream's leader does not answer", errInterrupted)

// ask reads on by asking the leader for one message after the other, up to where it says that the stream ends, and
// tells whether there were any. A leader that does not answer is asked again later.
func (f *follower) ask(ctx context.Context) (found bool, err error) {
	question, cancel := context.WithTimeout(ctx, followPatience)
	defer cancel()
	last, err := f.store.LastSequence(question)
	if err != nil {
		return false, nil
	}
	before := f.reached.sequence
	err = f.fill(question, last)
	if errors.Is(err, errUnanswered) {
		err = nil
	}
	return f.reached.sequence > before, f.explain(ctx, err)
}

// fill applies what the leader has behind what was applied, up to a sequence. It answers errUnanswered,
// jetstream.ErrMsgNotFound, or what must not be skipped; or the error of apply.
func (f *follower) fill(ctx context.Context, upTo uint64) error {
	for f.reached.sequence < upTo {
		run, fault := f.fetch(ctx, upTo)
		if len(run) > 0 {
			f.gap = gap{}
			if err := f.store.holds(ctx, f.reached); err != nil { // asked afterwards: what was fetched follows on that
				return fmt.Errorf("%w: %w", errUnanswered, err)
			}
			if err := f.advance(run); err != nil {
				return err
			}
		}
		if fault != nil {
			return fault
		}
	}
	return nil
}

// fillLength is how many messages are asked for before they are applied, at most.
const fillLength = 32

// fetch asks the leader for the next messages, up to a sequence.
func (f *follower) fetch(ctx context.Context, upTo uint64) ([]Record, error) {
	run := f.run[:0]
	for next := f.reached.sequence + 1; next <= upTo && len(run) < fillLength; next++ {
		record, err := f.store.next(ctx, "", next)
		var corrupt *CorruptError
		var unknown *UnknownEventError
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound), errors.As(err, &corrupt), errors.As(err, &unknown):
			return run, err
		case err != nil:
			return run, fmt.Errorf("%w: %w", errUnanswered, err)
		}
		run = append(run, record)
	}
	return run, nil
}

// gap is a message that the leader says it has not got though the stream is beyond it.
type gap struct {
	sequence uint64
	doubt
}

// deposed is how long a leader that a cluster has replaced may still answer.
const deposed = 12 * time.Second

// explain tells of the next message, where err is that the leader has not got it, whether it is gone, or was only not
// known to the server that was asked. Where servers hold the stream together, one that is not the leader any more may
// answer that it has no such message: it is gone when that is the answer for longer than such a server can last.
func (f *follower) explain(ctx context.Context, err error) error {
	if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return err
	}
	missing := f.reached.sequence + 1
	late := fmt.Errorf("%w: message %d did not arrive", errInterrupted, missing)
	state, err := f.store.api.StreamInfo(ctx, Stream)
	if err != nil || state.State.Last < missing {
		return late
	}
	if f.gap.sequence != missing {
		f.gap = gap{sequence: missing}
	}
	if f.gap.repeated() < deposed && !state.Cluster.Single() {
		return late
	}
	return &CorruptError{Sequence: missing, Reason: "the message is missing"}
}
