package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Tail hands every message of the stream behind sequence after to apply, in order, without a gap and each once, in
// runs of those that have arrived by then. It goes on until ctx ends or apply fails.
//
// It answers a *CorruptError or an *UnknownEventError when the stream holds what must not be skipped, after all the
// messages before it were applied; and ErrReplaced when another stream has taken its place, which it
// looks for after each interruption, and four times a second where nothing arrives.
func (s *Store) Tail(ctx context.Context, after uint64, apply func([]Record) error) error {
	f := follower{store: s, reached: mark{sequence: after}, apply: apply, run: make([]Record, 0, runLength)}
	if known, err := s.identity.known(); err == nil && known.sequence == after { // as a snapshot has it
		f.reached = known
	}
	for {
		err := f.follow(ctx)
		_, replaced := s.identity.known()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case replaced != nil:
			return replaced
		case errors.Is(err, errInterrupted):
			s.config.Log.Warn("following the stream again", "after", f.reached.sequence, "reason", err)
		case err != nil:
			return err
		}
		select { // not all the time, when it cannot even begin
		case <-time.After(followRetry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errInterrupted = errors.New("interrupted")

const (
	runLength   = 512                    // messages that are applied at once, at most
	followWatch = 250 * time.Millisecond // between looks at whether a silent stream has moved on
	followRetry = 200 * time.Millisecond

	followPatience = 500 * time.Millisecond // with a leader that is asked
)

// follower is how far a stream has been followed.
type follower struct {
	store   *Store
	reached mark // the last message that was applied
	apply   func([]Record) error
	run     []Record
	gap     gap
	again   bool // following has been interrupted
}

// follow takes what a consumer delivers. As long as that is nothing, it asks the stream's leader from time to time: the
// server that the consumer lives on may be gone, and another consumer cannot be had before the cluster has a leader of
// its own again, which takes longer than the stream needs to go on. It asks as well before it goes on after an
// interruption, so that what the consumer was interrupted by, or what would interrupt the next one, is behind it.
func (f *follower) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if f.again {
		if _, err := f.ask(ctx); err != nil {
			return err
		}
	}
	f.again = true
	arrivals, interrupted := make(chan delivery, 4*runLength), make(chan error, 1)
	go f.store.deliver(ctx, placement{}, f.reached, arrivals, interrupted)
	watch := time.NewTicker(followWatch)
	defer watch.Stop()
	silent, late := true, false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.store.identity.lost():
			return errInterrupted
		case err := <-interrupted:
			return fmt.Errorf("%w: %w", errInterrupted, err)
		case d := <-arrivals:
			silent, late = false, false
			if err := f.take(ctx, d, arrivals); err != nil {
				return err
			}
		case <-watch.C:
			if silent {
				found, err := f.ask(ctx)
				if err != nil {
					return err
				}
				if found && late {
					return fmt.Errorf("%w: messages are not delivered", errInterrupted)
				}
				late = found
			}
			silent = true
		}
	}
}

// take applies what has arrived. What the consumer has left out on the way there, the leader is asked for: nats.go keeps
// to itself a message that looks like a word of the server's own, which anybody who may publish can store.
func (f *follower) take(ctx context.Context, d delivery, arrivals <-chan delivery) error {
	for {
		run, beyond, fault := f.collect(d, arrivals)
		if err := f.advance(run); err != nil {
			return err
		}
		if fault != nil || beyond == nil {
			return fault
		}
		d = *beyond
		if err := f.fill(ctx, d.record.Sequence-1); err != nil {
			return f.explain(ctx, err)
		}
	}
}

// collect makes a run of first and of what else has arrived, as long as one sequence follows on the other. It answers
// the delivery that does not.
func (f *follower) collect(first delivery, arrivals <-chan delivery) (run []Record, beyond *delivery, fault error) {
	run, after := f.run[:0], f.reached.sequence
	for d := first; ; {
		switch sequence := d.record.Sequence; {
		case errors.Is(d.err, errInterrupted):
			return run, nil, d.err
		case sequence <= after: // a repeat after a reconnect, or asked for already
		case sequence > after+1:
			return run, &d, nil
		case d.err != nil:
			return run, nil, d.err
		default:
			run, after = append(run, d.record), sequence
		}
		if len(run) == cap(run) {
			return run, nil, nil
		}
		select {
		case d = <-arrivals:
		default:
			return run, nil, nil
		}
	}
}

func (f *follower) advance(run []Record) error {
	if len(run) == 0 {
		return nil
	}
	if err := f.apply(run); err != nil {
		return err
	}
	last := run[len(run)-1]
	f.reached = mark{last.Sequence, last.StoredAt}
	f.store.identity.advance(f.reached)
	if advanced := f.store.config.Advanced; advanced != nil {
		advanced(last.Sequence)
	}
	return nil
}
