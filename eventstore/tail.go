package eventstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// Tail calls apply with every message of the stream behind a sequence, in order, without a gap and each once, in batches of
// those that have arrived by then. A message that was removed comes as what its Removal says, also while it is still there. Tail
// goes on until ctx ends or apply fails.
//
// It returns a *CorruptError or an *UnknownEventError if the stream holds what must not be skipped, after all messages
// before it were applied; and ErrReplaced if another stream has taken its place, which it looks for after each
// interruption, and while nothing arrives at least every two seconds, or every ten where NATS runs in this process.
func (s *Store) Tail(ctx context.Context, after uint64, apply func([]Record) error) error {
	t := tail{Store: s, reached: Checkpoint{Sequence: after}, apply: apply, batch: make([]Record, 0, tailBatch)}
	if known, err := s.guard.checkpoint(); err == nil && known.Sequence == after { // the one of a snapshot
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
			if state := fmt.Sprint(t.reached.Sequence, err); state != logged { // it may last
				logged = state
				s.config.Log.Warn("reading CLIENTS again", "after", t.reached.Sequence, "reason", err)
			}
		case err != nil:
			return err
		}
		jsapi.Sleep(ctx, tailRetry) // it may not even begin
	}
}

var errInterrupted = errors.New("interrupted")

const (
	tailBatch = 512     // messages that are applied at once, at most
	tailFetch = 1024    // messages that are requested at once
	tailBytes = 4 << 20 // that they have at most: the server closes a connection behind which 16 MiB wait
	tailRetry = 200 * time.Millisecond
)

// tail reads the stream from a message on. A consumer delivers the messages; what it leaves out is read from the stream's
// leader (backfill). So is everything while the consumer is silent: the server that it lives on may be gone, and another
// consumer cannot be created before the cluster has elected a leader for itself, which takes longer than the stream needs.
type tail struct {
	*Store
	reached Checkpoint // the last message that was applied
	apply   func([]Record) error
	batch   []Record // not yet applied; reused
	again   bool     // it was interrupted before
	single  bool     // the stream has one replica

	unreadable unreadable // suspected
}

// read applies what a consumer delivers, until that is interrupted. After an interruption it first reads from the leader,
// so that what the consumer was interrupted by, or what would interrupt the next one, is behind it.
func (t *tail) read(ctx context.Context) error {
	if t.again {
		if _, err := t.catchUp(ctx); err != nil {
			return err
		}
	}
	t.again = true
	consumer, err := t.consumer(ctx)
	if err != nil {
		return interrupted(err)
	}
	for late, watch := false, jsapi.WatchInterval; ; {
		silent, err := t.fetch(ctx, consumer, watch)
		if _, fault := t.guard.checkpoint(); err != nil || fault != nil {
			return cmp.Or(err, fault)
		}
		if !silent {
			late, watch = false, jsapi.WatchInterval
			continue
		}
		found, err := t.catchUp(ctx)
		if err != nil {
			return err
		}
		if found && late {
			return fmt.Errorf("%w: messages are not delivered", errInterrupted)
		}
		late, watch = found, t.api.NextWatch(watch, t.single)
	}
}

func interrupted(err error) error { return fmt.Errorf("%w: %w", errInterrupted, err) }

// consumer creates a consumer. It ends with its stream: that this is the expected one is checked once the consumer exists.
func (t *tail) consumer(ctx context.Context) (jetstream.Consumer, error) {
	consumer, err := t.api.Consumer(ctx, jsapi.Reading{Stream: Stream, After: t.reached.Sequence})
	if err == nil {
		err = t.guard.checkMessage(ctx, t.reached)
	}
	return consumer, err
}

// fetch applies what is delivered in response to one request, which stands for up to watch. silent says that nothing has
// arrived.
func (t *tail) fetch(ctx context.Context, consumer jetstream.Consumer, watch time.Duration) (silent bool, err error) {
	limited, cancel := context.WithTimeout(ctx, watch)
	defer cancel()
	messages, err := consumer.Fetch(tailFetch, jetstream.FetchMaxBytes(tailBytes), jetstream.FetchContext(limited))
	if err != nil {
		return false, interrupted(err)
	}
	silent = true
	for msg := range messages.Messages() {
		silent = false
		more, err := t.take(ctx, msg)
		if err != nil || !more || len(t.batch) == cap(t.batch) {
			err = cmp.Or(t.flush(), err, ctx.Err())
		}
		if err != nil {
			return false, err
		}
	}
	if err := t.flush(); err != nil {
		return false, err
	}
	if err := messages.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return false, interrupted(err)
	}
	return silent, ctx.Err()
}

// take adds a message to the batch, and reports whether the server has more. What the consumer has left out before it is
// read from the leader: nats.go withholds a message that looks like a status of the server.
func (t *tail) take(ctx context.Context, msg jetstream.Msg) (more bool, err error) {
	meta, err := msg.Metadata()
	if err != nil {
		return false, interrupted(err)
	}
	sequence := meta.Sequence.Stream
	if sequence > t.reached.Sequence+uint64(len(t.batch))+1 {
		if err := t.flush(); err != nil {
			return false, err
		}
		if err := t.backfill(ctx, sequence-1); err != nil {
			return false, t.explainMissing(ctx, err)
		}
	}
	if sequence > t.reached.Sequence+uint64(len(t.batch)) { // not repeated after a reconnect, or read from the leader already
		record, removed := t.Removals.Record(sequence)
		if !removed {
			record, err = Decode(sequence, meta.Timestamp, msg.Subject(), msg.Headers(), msg.Data())
		}
		if err != nil {
			return false, err
		}
		t.Removals.Add(record)
		t.batch = append(t.batch, record)
	}
	return meta.NumPending > 0, nil
}

// flush applies the batch.
func (t *tail) flush() error {
	batch := t.batch
	t.batch = t.batch[:0]
	return t.advance(batch)
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
	t.reached = Checkpoint{last.Sequence, last.StoredAt}
	t.guard.advance(t.reached)
	if t.config.Advanced != nil {
		t.config.Advanced(last.Sequence)
	}
	return nil
}
