package upstream

import (
	"context"
	"errors"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// delivered hands out a run as it was delivered, with the messages that should have been delivered between them.
func (r *Reader) delivered(ctx context.Context, arrivals []arrival) error {
	empty := r.emptyGaps(ctx, arrivals)
	var run []Message
	last, gaps := r.record.Sequence, false
	for n, a := range arrivals {
		for a.Sequence > last+1 && !empty[n] {
			missed, err := r.next(ctx, last+1)
			if err != nil {
				return err
			}
			if missed.Sequence == 0 || missed.Sequence >= a.Sequence {
				break
			}
			gaps = gaps || missed.Sequence > last+1
			run, last = append(run, missed), missed.Sequence
		}
		if a.Sequence > last {
			gaps = gaps || a.Sequence > last+1
			run, last = append(run, a.Message), a.Sequence
		}
	}
	if len(run) == 0 {
		return nil
	}
	if !gaps {
		return r.handle(ctx, run, 0)
	}
	if err := r.refresh(ctx); err != nil {
		return err
	}
	expired, last := uint64(0), r.record.Sequence
	for _, m := range run {
		expired += r.state.expired(last, m.Sequence-1)
		last = m.Sequence
	}
	return r.handle(ctx, run, expired)
}

// emptyGaps reports for each arrival whether certainly no message is left between it and the one before. One server alone
// delivers all that it holds, one after the other. A consumer of a replicated stream may not know of a message that was
// acknowledged, so the leader is asked about all gaps at once.
func (r *Reader) emptyGaps(ctx context.Context, arrivals []arrival) []bool {
	empty := make([]bool, len(arrivals))
	last, delivered := r.record.Sequence, r.consumed
	var requests sync.WaitGroup
	for n, a := range arrivals {
		switch next := last + 1; {
		case a.Sequence <= next:
			empty[n] = true
		case r.state.single && a.delivered == delivered+1:
			empty[n] = true
		default:
			requests.Go(func() {
				found, err := r.Client.Message(ctx, r.Stream, next)
				empty[n] = err == nil && found.Sequence == a.Sequence && found.StoredAt.Equal(a.StoredAt)
			})
		}
		last, delivered = max(last, a.Sequence), a.delivered
	}
	requests.Wait()
	r.consumed = delivered
	return empty
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
		if err != nil || m.Sequence == 0 {
			break
		}
		run = append(run, m)
	}
	if len(run) == 0 {
		return nil
	}
	return r.handle(ctx, run, 0)
}
