package history

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"clients/eventstore"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// Records returns every message from First to Last, in order and each once. One that was removed comes as what its Removal
// says. With a message comes what is wrong with it:
//   - an *eventstore.CorruptError or *eventstore.UnknownEventError with a Record that holds the Sequence and the Subject,
//   - an *eventstore.MissingError for messages that are gone, without a Record.
//
// Any other error is the last one: the stream cannot be read any further.
func (h *History) Records(ctx context.Context) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		r := &reader{History: *h, reached: h.First - 1, yield: yield}
		for moved := time.Now(); r.reached < r.Last; {
			before := r.reached
			err := r.read(ctx)
			if r.reached > before {
				moved = time.Now()
			}
			switch {
			case errors.Is(err, errEnough):
				return
			case ctx.Err() != nil:
				yield(eventstore.Record{}, ctx.Err())
				return
			case err != nil && time.Since(moved) > patience:
				yield(eventstore.Record{}, fmt.Errorf("read on from sequence %d: %w", r.reached+1, err))
				return
			case err != nil:
				jsapi.Pause(ctx)
			}
		}
	}
}

// RecordsOf returns what Records does, but only the messages of an account's clients, where account is not "", and of one
// client, where clientID is not 0. Only these are transferred, so that missing messages are not reported. Those that were removed
// are left out, also while they are still there.
func (h *History) RecordsOf(ctx context.Context, account string, clientID int64) iter.Seq2[eventstore.Record, error] {
	reader := &Reader{h.api, h.Removals}
	return reader.Messages(ctx, account, clientID, h.First-1, h.Last)
}

const (
	patience   = 20 * time.Second // without reading any further
	maxSilence = 5 * time.Second  // of a consumer that has messages
)

var errEnough = errors.New("reading stopped by the caller")

// reader is one reading of a range.
type reader struct {
	History
	reached uint64 // the last sequence that was passed to yield, or is missing
	yield   func(eventstore.Record, error) bool
}

// read goes on as far as one consumer delivers. It also returns nil where there is more to read. Each call makes progress
// or fails: it begins with a message from the leader.
func (r *reader) read(ctx context.Context) error {
	if err := r.fromLeader(ctx, r.Last, false); err != nil || r.reached >= r.Last {
		return err
	}
	consumer, err := r.api.Consumer(ctx, jsapi.Reading{Stream: eventstore.Stream, After: r.reached, Server: r.Server})
	if err != nil {
		return err
	}
	for consumer.CachedInfo().NumPending > 0 && r.reached < r.Last {
		waiting, cancel := context.WithTimeout(ctx, maxSilence)
		more, err := r.fetch(waiting, consumer)
		cancel()
		if err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}

// fetch takes one burst of messages. It reports whether the consumer has more.
func (r *reader) fetch(ctx context.Context, consumer jetstream.Consumer) (more bool, err error) {
	batch, err := consumer.Fetch(r.Burst, jetstream.FetchMaxBytes(maxBurst), jetstream.FetchContext(ctx))
	if err != nil {
		return false, err
	}
	for msg := range batch.Messages() {
		meta, err := msg.Metadata()
		if err != nil {
			return false, err
		}
		if err := r.take(ctx, meta, msg); err != nil {
			return false, err
		}
		if more = meta.NumPending > 0 && r.reached < r.Last; !more {
			return false, nil // without waiting for the rest of the burst
		}
	}
	return more, batch.Error()
}

// take passes on what was delivered, and before it what the consumer has left out.
func (r *reader) take(ctx context.Context, meta *jetstream.MsgMetadata, msg jetstream.Msg) error {
	sequence := meta.Sequence.Stream
	if sequence <= r.reached { // delivered again after a reconnect
		return nil
	}
	for upTo := min(sequence-1, r.Last); r.reached < upTo; {
		if err := r.fromLeader(ctx, upTo, true); err != nil {
			return err
		}
	}
	if sequence > r.Last {
		r.reached = r.Last
		return nil
	}
	if record, removed := r.Removals.Record(sequence); removed {
		return r.pass(record.Sequence, record, nil)
	}
	record, err := eventstore.Decode(sequence, meta.Timestamp, msg.Subject(), msg.Headers(), msg.Data())
	return r.pass(sequence, record, err)
}

// fromLeader passes on the next message up to a sequence, as the stream's leader has it, or that messages are missing up
// to there. left says that a consumer has left the message out.
func (r *reader) fromLeader(ctx context.Context, upTo uint64, left bool) error {
	next := r.reached + 1
	if record, removed := r.Removals.Record(next); removed {
		return r.pass(record.Sequence, record, nil)
	}
	m, err := r.api.Message(ctx, eventstore.Stream, jsapi.Query{Sequence: next, NextBySubject: ">"})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		m.Sequence, err = upTo+1, nil
	}
	if err != nil {
		return fmt.Errorf("message %d: %w", next, err)
	}
	if m.Sequence > next {
		return r.missing(ctx, min(m.Sequence-1, upTo))
	}
	record, err := eventstore.Decode(m.Sequence, m.Time, m.Subject, m.Header(), m.Data)
	if left && r.Server != "" && record.Foreign == "" { // nats.go may have held a foreign message back
		r.Lacking(m.Sequence)
	}
	return r.pass(m.Sequence, record, err)
}

// missing passes on that messages are missing up to a sequence, unless they were removed, of which the stream may have a
// record by now.
func (r *reader) missing(ctx context.Context, upTo uint64) error {
	next := r.reached + 1
	record, removed, err := r.Removals.Find(ctx, r.api, next)
	if err != nil {
		return err
	}
	if removed {
		return r.pass(record.Sequence, record, nil)
	}
	last := next
	for ; last < upTo; last++ {
		if _, removed := r.Removals.Record(last + 1); removed {
			break
		}
	}
	return r.pass(last, eventstore.Record{}, &eventstore.MissingError{First: next, Last: last})
}

func (r *reader) pass(reached uint64, record eventstore.Record, err error) error {
	r.reached = reached
	if !r.yield(record, err) {
		return errEnough
	}
	return nil
}
