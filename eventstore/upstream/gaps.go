package upstream

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// delivered hands out a run as the consumer has delivered it. Where messages may be missing in between, it reads up to the
// end of the run from the stream's leader instead.
func (r *Reader) delivered(ctx context.Context, arrivals []arrival) error {
	end := arrivals[len(arrivals)-1].Sequence
	run, complete := r.complete(arrivals)
	for !complete && r.record.Sequence < end {
		if err := r.readByRequest(ctx); err != nil {
			return err
		}
	}
	if !complete || len(run) == 0 {
		return nil
	}
	return r.handleWithGaps(ctx, run)
}

// complete returns the messages behind the record, and whether there certainly are no others between them. One server alone
// delivers all that it holds, one after the other. A consumer of a replicated stream may not know of a message that was
// acknowledged.
func (r *Reader) complete(arrivals []arrival) (run []Message, complete bool) {
	last := r.record.Sequence
	complete = true
	for _, a := range arrivals {
		if a.Sequence > last {
			complete = complete && (a.Sequence == last+1 || r.state.single && a.delivered == r.consumed+1)
			run, last = append(run, a.Message), a.Sequence
		}
		r.consumed = a.delivered
	}
	return run, complete
}

// handleWithGaps hands out a run and counts what was deleted between its messages.
func (r *Reader) handleWithGaps(ctx context.Context, run []Message) error {
	last, expired := run[len(run)-1].Sequence, uint64(0)
	if last-r.record.Sequence > uint64(len(run)) {
		if err := r.refresh(ctx); err != nil {
			return err
		}
		previous := r.record.Sequence
		for _, m := range run {
			expired += r.state.expired(previous, m.Sequence-1)
			previous = m.Sequence
		}
	}
	return r.handle(ctx, run, expired)
}

// expired returns how many of the messages behind a sequence, up to another one, may have been deleted unread. In a stream
// that also has messages that are not read, only those deleted from its beginning certainly existed.
func (s State) expired(after, sequence uint64) uint64 {
	switch {
	case sequence <= after:
		return 0
	case s.pure:
		return sequence - after
	case s.First <= after+1:
		return 0
	}
	return min(s.First-1, sequence) - after
}

// next returns the first message at or behind a sequence, or the zero Message if there is none. It asks twice before it
// returns that: a server that was replaced as the leader may lack messages.
func (r *Reader) next(ctx context.Context, sequence uint64) (m Message, err error) {
	for range 2 {
		m, err = r.Client.Message(ctx, r.Stream, sequence)
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return m, err
		}
		if err := r.refresh(ctx); err != nil || m.Sequence != 0 {
			return m, err
		}
	}
	return m, nil
}

// readByRequest reads a few messages without a consumer.
func (r *Reader) readByRequest(ctx context.Context) error {
	var run []Message
	for last := r.record.Sequence; len(run) < batch/4; last = run[len(run)-1].Sequence {
		m, err := r.next(ctx, last+1)
		if err != nil {
			return err
		}
		if m.Sequence == 0 {
			break
		}
		run = append(run, m)
	}
	if len(run) == 0 {
		return errStalled
	}
	return r.handleWithGaps(ctx, run)
}
