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
	if err == nil && last > f.after {
		err = f.store.checkReached(question)
	}
	if err != nil {
		return false, f.unchanged(ctx, err)
	}
	before := f.after
	err = f.fill(question, last)
	if errors.Is(err, errUnanswered) {
		err = nil
	}
	return f.after > before, f.explain(ctx, err)
}

// resume makes sure, as soon as the leader answers, that the stream is still the one that was followed, and reads on by
// asking.
func (f *follower) resume(ctx context.Context) error {
	err := f.store.checkReached(ctx)
	for errors.Is(err, errUnanswered) {
		select {
		case <-time.After(followRetry):
		case <-ctx.Done():
			return ctx.Err()
		}
		err = f.store.checkReached(ctx)
	}
	if err := f.unchanged(ctx, err); err != nil {
		return err
	}
	_, err = f.ask(ctx)
	return err
}

// fill applies what the leader has behind what was applied, up to a sequence. It answers errUnanswered,
// jetstream.ErrMsgNotFound, or what must not be skipped; or the error of apply.
func (f *follower) fill(ctx context.Context, upTo uint64) error {
	for f.after < upTo {
		record, err := f.store.next(ctx, "", f.after+1)
		var corrupt *CorruptError
		var unknown *UnknownEventError
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound), errors.As(err, &corrupt), errors.As(err, &unknown):
			return err
		case err != nil:
			return fmt.Errorf("%w: %w", errUnanswered, err)
		}
		f.gap = gap{}
		if err := f.advance(append(f.run[:0], record)); err != nil {
			return err
		}
	}
	return nil
}

// unchanged answers err where it is that the stream was replaced. Where servers hold the stream together, one that is not
// the leader any more may know less of it than was followed: see explain.
func (f *follower) unchanged(ctx context.Context, err error) error {
	if !errors.Is(err, ErrReplaced) {
		f.behind = time.Time{}
		return nil
	}
	if !errors.Is(err, errBehind) {
		return err
	}
	if f.behind.IsZero() {
		f.behind = time.Now()
	}
	if state, unanswered := f.store.state(ctx, Stream); unanswered != nil || len(state.Cluster.Replicas) > 0 && time.Since(f.behind) < deposed {
		return nil
	}
	return err
}

// gap is a message that the leader says it has not got though the stream is beyond it.
type gap struct {
	sequence uint64
	since    time.Time
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
	missing := f.after + 1
	late := fmt.Errorf("%w: message %d did not arrive", errInterrupted, missing)
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
