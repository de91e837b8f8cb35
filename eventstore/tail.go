package eventstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Tail calls apply with every message of the stream behind a sequence, in order, without a gap and each once, in batches of
// those that have arrived by then. It goes on until ctx ends or apply fails.
//
// It returns a *CorruptError or an *UnknownEventError if the stream holds what must not be skipped, after all messages
// before it were applied; and ErrReplaced if another stream has taken its place, which it looks for after each
// interruption, and four times a second while nothing arrives.
func (s *Store) Tail(ctx context.Context, after uint64, apply func([]Record) error) error {
	t := tail{
		reader: s.reader, guard: s.guard, advanced: s.config.Advanced, log: s.config.Log,
		reached: checkpoint{sequence: after}, apply: apply, batch: make([]Record, 0, tailBatch),
	}
	if known, err := s.guard.checkpoint(); err == nil && known.sequence == after { // the one of a snapshot
		t.reached = known
	}
	for logged := ""; ; {
		err := t.read(ctx)
		_, fault := s.guard.checkpoint()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case fault != nil:
			return fault
		case errors.Is(err, errInterrupted):
			if state := fmt.Sprint(t.reached.sequence, err); state != logged { // it may last
				logged = state
				t.log.Warn("reading CLIENTS again", "after", t.reached.sequence, "reason", err)
			}
		case err != nil:
			return err
		}
		select { // not all the time, if it cannot even begin
		case <-time.After(tailRetry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errInterrupted = errors.New("interrupted")

const (
	tailBatch = 512                    // messages that are applied at once, at most
	tailWatch = 250 * time.Millisecond // between looks at whether a silent stream has moved on
	tailRetry = 200 * time.Millisecond
)

// tail reads the stream from a message on. A consumer delivers the messages; what it leaves out is read from the stream's
// leader (backfill). So is everything while the consumer is silent: the server that it lives on may be gone, and another
// consumer cannot be created before the cluster has elected a leader for itself, which takes longer than the stream needs.
type tail struct {
	reader   *reader
	guard    *guard
	advanced func(sequence uint64)
	log      *slog.Logger
	reached  checkpoint // the last message that was applied
	apply    func([]Record) error
	batch    []Record // reused
	gap      gap
	again    bool // it was interrupted before
}

// read applies what a consumer delivers, until that is interrupted. After an interruption it first reads from the leader,
// so that what the consumer was interrupted by, or what would interrupt the next one, is behind it.
func (t *tail) read(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if t.again {
		if _, err := t.catchUp(ctx); err != nil {
			return err
		}
	}
	t.again = true
	arrivals, interrupted := make(chan delivery, 4*tailBatch), make(chan error, 1)
	after := t.reached
	go t.reader.deliver(ctx, consumption{
		after: after.sequence, check: func(ctx context.Context) error { return t.guard.checkMessage(ctx, after) },
	}, arrivals, interrupted)
	watch := time.NewTicker(tailWatch)
	defer watch.Stop()
	silent, late := true, false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.guard.failed:
			return errInterrupted
		case err := <-interrupted:
			return fmt.Errorf("%w: %w", errInterrupted, err)
		case d := <-arrivals:
			silent, late = false, false
			if err := t.accept(ctx, d, arrivals); err != nil {
				return err
			}
		case <-watch.C:
			if silent {
				found, err := t.catchUp(ctx)
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

// accept applies what has arrived. What the consumer has left out before that is read from the leader: nats.go withholds a
// message that looks like a status of the server, which anybody who may publish can store.
func (t *tail) accept(ctx context.Context, d delivery, arrivals <-chan delivery) error {
	for {
		batch, outOfOrder, fault := t.collect(d, arrivals)
		if err := t.advance(batch); err != nil {
			return err
		}
		if fault != nil || outOfOrder == nil {
			return fault
		}
		d = *outOfOrder
		if err := t.backfill(ctx, d.record.Sequence-1); err != nil {
			return t.explainMissing(ctx, err)
		}
	}
}

// collect makes a batch of first and of what else has arrived, as long as one sequence follows on the other. It returns
// the delivery that does not.
func (t *tail) collect(first delivery, arrivals <-chan delivery) (batch []Record, outOfOrder *delivery, fault error) {
	batch, after := t.batch[:0], t.reached.sequence
	for d := first; ; {
		switch sequence := d.record.Sequence; {
		case errors.Is(d.err, errInterrupted):
			return batch, nil, d.err
		case sequence <= after: // repeated after a reconnect, or read from the leader already
		case sequence > after+1:
			return batch, &d, nil
		case d.err != nil:
			return batch, nil, d.err
		default:
			batch, after = append(batch, d.record), sequence
		}
		if len(batch) == cap(batch) {
			return batch, nil, nil
		}
		select {
		case d = <-arrivals:
		default:
			return batch, nil, nil
		}
	}
}

// advance applies a batch and moves the checkpoint on.
func (t *tail) advance(batch []Record) error {
	if len(batch) == 0 {
		return nil
	}
	if err := t.apply(batch); err != nil {
		return err
	}
	last := batch[len(batch)-1]
	t.reached = checkpoint{last.Sequence, last.StoredAt}
	t.guard.advance(t.reached)
	if t.advanced != nil {
		t.advanced(last.Sequence)
	}
	return nil
}
