package eventstore

import (
	"context"
	"sync"
	"time"
)

// arrival is a message as a consumer delivers it.
type arrival struct {
	SourceMessage
	delivered uint64 // how many messages the consumer has delivered with this one
}

// sourceRun is how many arrivals are looked at together, at most: so many questions are asked at once.
const sourceRun = 64

// arrived hands out what has arrived, and before each message what the server should have delivered before it.
func (r *SourceReader) arrived(ctx context.Context, first arrival, arrivals <-chan arrival) error {
	run := []arrival{first}
	for more := true; more && len(run) < sourceRun; {
		select {
		case a := <-arrivals:
			run = append(run, a)
		default:
			more = false
		}
	}
	for n, empty := range r.holes(ctx, run) {
		m := run[n].SourceMessage
		if m.Sequence > r.last+1 && !empty {
			if err := r.fill(ctx, m.Sequence); err != nil {
				return err
			}
		}
		if m.Sequence <= r.last {
			continue
		}
		lost, err := r.lostBefore(ctx, m.Sequence)
		if err != nil {
			return err
		}
		if err := r.handOut(ctx, m); err != nil {
			return err
		}
		r.unread += lost
	}
	return nil
}

// holes tells of each arrival of a run whether there is surely nothing between it and the one before it. What one server
// holds alone, and its consumer has delivered one after the other, has nothing in between. Else the leader is asked,
// about all of the run at once.
func (r *SourceReader) holes(ctx context.Context, run []arrival) []bool {
	empty := make([]bool, len(run))
	last, delivered := r.last, r.delivered
	var asked sync.WaitGroup
	for n, a := range run {
		switch next := last + 1; {
		case a.Sequence <= next:
			empty[n] = true
		case r.state.single && a.delivered == delivered+1:
			empty[n] = true
		default:
			asked.Go(func() {
				found, err := r.Store.sourceMessage(ctx, r.Source, next)
				empty[n] = err == nil && found.Sequence == a.Sequence && found.StoredAt.Equal(a.StoredAt)
			})
		}
		last, delivered = max(last, a.Sequence), a.delivered
	}
	asked.Wait()
	r.delivered = delivered
	return empty
}

// fill hands out what there is before a message that was not delivered: a message can look like a word of the server's own.
func (r *SourceReader) fill(ctx context.Context, before uint64) error {
	for before > r.last+1 {
		missed, _, err := r.find(ctx, r.last+1)
		if err != nil {
			return err
		}
		if missed.Sequence == 0 || missed.Sequence >= before {
			return nil
		}
		if err := r.handOut(ctx, missed); err != nil {
			return err
		}
	}
	return nil
}

// lostBefore is how many messages there may have been between the last one that was handed out and another one. For a
// stream that has messages which are not read, the leader's word on where the stream begins will do that is no older
// than sourceWatch: it may then be fewer.
func (r *SourceReader) lostBefore(ctx context.Context, sequence uint64) (uint64, error) {
	if sequence <= r.last+1 {
		return 0, nil
	}
	if !r.state.pure && time.Since(r.stateAt) > sourceWatch {
		state, err := r.Store.SourceState(ctx, r.Source)
		if err != nil {
			return 0, err
		}
		r.state, r.stateAt = state, time.Now()
	}
	return r.expired(r.state, sequence-1), nil
}

// tellLost tells how many messages were lost of late.
func (r *SourceReader) tellLost() {
	if r.unread > 0 {
		r.Handler.Expired(r.unread)
		r.unread = 0
	}
}
