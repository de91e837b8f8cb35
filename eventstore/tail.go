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
	t := tail{Store: s, applied: Checkpoint{Sequence: after}, apply: apply, delivered: make([]Record, 0, tailBatch)}
	if known, err := s.guard.checkpoint(); err == nil && known.Sequence == after { // the one of a snapshot
		t.applied = known
	}
	for logged := ""; ; { // logged: the last interruption, "" if there was none
		err := t.read(ctx, logged != "")
		_, fault := s.guard.checkpoint()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case fault != nil:
			return fault
		case errors.Is(err, errInterrupted):
			if state := fmt.Sprint(t.applied.Sequence, err); state != logged { // it may last
				logged = state
				s.config.Log.Warn("reading CLIENTS again", "after", t.applied.Sequence, "reason", err)
			}
		case err != nil:
			return err
		}
		jsapi.Sleep(ctx, tailRetry)
	}
}

var errInterrupted = errors.New("interrupted")

const (
	tailBatch = 512     // messages that are applied at once, at most
	tailFetch = 1024    // messages that are requested at once
	tailBytes = 4 << 20 // that they have at most: the server closes a connection behind which 16 MiB wait
	tailRetry = 200 * time.Millisecond
)

// tail reads the stream from a message on. A consumer delivers the messages. They are read from the stream's leader instead
//   - when the consumer leaves some out: they were removed, or nats.go withholds one that looks like a status of the server;
//   - when the consumer is silent: the server that it lives on may be gone, and another consumer cannot be created before the
//     cluster has elected a leader for itself, which takes longer than the stream needs;
//   - after an interruption, so that the next consumer begins behind what may have caused it.
type tail struct {
	*Store
	applied   Checkpoint // the last message that was applied
	apply     func([]Record) error
	delivered []Record // by the consumer, and not yet applied; at most as many as it has capacity
	single    bool     // the stream has one replica

	unreadable unreadable // suspected
}

// read applies what the leader has, if resumed is set, and then what a consumer delivers, until that is interrupted.
func (t *tail) read(ctx context.Context, resumed bool) error {
	if resumed {
		if _, err := t.catchUp(ctx); err != nil {
			return err
		}
	}
	consumer, err := t.consumer(ctx)
	if err != nil {
		return interrupted(err)
	}
	for missedBefore, interval := false, jsapi.WatchInterval; ; {
		silent, err := t.fetch(ctx, consumer, interval)
		if _, fault := t.guard.checkpoint(); err != nil || fault != nil {
			return cmp.Or(err, fault)
		}
		if !silent {
			missedBefore, interval = false, jsapi.WatchInterval
			continue
		}
		missed, err := t.catchUp(ctx)
		if err != nil {
			return err
		}
		if missed && missedBefore { // the first time they may just have been stored
			return fmt.Errorf("%w: messages are not delivered", errInterrupted)
		}
		missedBefore, interval = missed, t.api.NextWatch(interval, t.single)
	}
}

func interrupted(err error) error { return fmt.Errorf("%w: %w", errInterrupted, err) }

// consumer creates a consumer. It ends with its stream: that this is the expected one is checked once the consumer exists.
func (t *tail) consumer(ctx context.Context) (jetstream.Consumer, error) {
	consumer, err := t.api.Consumer(ctx, jsapi.Reading{Stream: Stream, After: t.applied.Sequence})
	if err == nil {
		err = t.guard.checkMessage(ctx, t.applied)
	}
	return consumer, err
}

// fetch applies what is delivered in response to one request, which the server keeps open for an interval. silent says that nothing has
// arrived.
func (t *tail) fetch(ctx context.Context, consumer jetstream.Consumer, interval time.Duration) (silent bool, err error) {
	limited, cancel := context.WithTimeout(ctx, interval)
	defer cancel()
	messages, err := consumer.Fetch(tailFetch, jetstream.FetchMaxBytes(tailBytes), jetstream.FetchContext(limited))
	if err != nil {
		return false, interrupted(err)
	}
	silent = true
	for msg := range messages.Messages() {
		silent = false
		if err := t.take(ctx, msg); err != nil {
			return false, cmp.Or(t.flush(), err)
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

// take adds a delivered message to those that are not applied, and applies them if there are no more at the moment, or
// enough for a batch. What the consumer has left out before the message is read from the leader first.
func (t *tail) take(ctx context.Context, msg jetstream.Msg) error {
	meta, err := msg.Metadata()
	if err != nil {
		return interrupted(err)
	}
	sequence := meta.Sequence.Stream
	if sequence > t.next() {
		if err := t.flush(); err != nil {
			return err
		}
		if err := t.backfill(ctx, sequence-1); err != nil {
			return t.explainMissing(ctx, err)
		}
	}
	if sequence == t.next() { // not repeated after a reconnect, or read from the leader already
		record, removed := t.Removals.Record(sequence)
		if !removed {
			record, err = Decode(sequence, meta.Timestamp, msg.Subject(), msg.Headers(), msg.Data())
		}
		if err != nil {
			return err
		}
		t.Removals.Add(record)
		t.delivered = append(t.delivered, record)
	}
	if meta.NumPending == 0 || len(t.delivered) == cap(t.delivered) {
		return cmp.Or(t.flush(), ctx.Err())
	}
	return nil
}

// next returns the sequence that the consumer has to deliver next.
func (t *tail) next() uint64 { return t.applied.Sequence + uint64(len(t.delivered)) + 1 }

// flush applies what was delivered.
func (t *tail) flush() error {
	batch := t.delivered
	t.delivered = batch[:0]
	return t.applyBatch(batch)
}

// applyBatch applies messages and moves the checkpoint on.
func (t *tail) applyBatch(batch []Record) error {
	if len(batch) == 0 {
		return nil
	}
	if err := t.apply(batch); err != nil {
		return err
	}
	last := batch[len(batch)-1]
	t.applied = Checkpoint{last.Sequence, last.StoredAt}
	t.guard.advance(t.applied)
	if t.config.Advanced != nil {
		t.config.Advanced(last.Sequence)
	}
	return nil
}
