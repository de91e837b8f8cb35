package eventstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Records answers every message from First to Last, in order and each once, with what is wrong with it, and goes on
// behind it: a *CorruptError or *UnknownEventError comes with a Record that holds at least the Sequence and the Subject,
// a *MissingError with none. It tells a message that is gone from one that only the server which delivers does not have.
//
// Any other error is the last answer: the stream cannot be read any further.
func (h *History) Records(ctx context.Context) iter.Seq2[Record, error] {
	return h.store.recordsOf(ctx, &historyReader{server: h.server, ahead: h.ahead, lacking: h.lacking, reached: h.First - 1, last: h.Last})
}

// RecordsOf answers as Records does, but only the messages under the subjects of an account's clients, where account is
// not "", and of one client, where clientID is not 0. The rest does not travel; so it tells of nothing that is missing.
func (h *History) RecordsOf(ctx context.Context, account string, clientID int64) iter.Seq2[Record, error] {
	id := "*"
	if clientID != 0 {
		id = strconv.FormatInt(clientID, 10)
	}
	return h.store.recordsOf(ctx, &historyReader{subject: subjectPrefix + cmp.Or(account, "*") + "." + id, reached: h.First - 1, last: h.Last})
}

func (s *Store) recordsOf(ctx context.Context, r *historyReader) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		r.store, r.yield = s, yield
		for failures := 0; r.reached < r.last; {
			before := r.reached
			err := r.read(ctx)
			if r.reached > before {
				failures = 0
			}
			switch {
			case errors.Is(err, errEnough):
				return
			case err == nil:
				continue
			case ctx.Err() != nil:
				yield(Record{}, ctx.Err())
				return
			}
			if failures++; failures == readFailures {
				yield(Record{}, fmt.Errorf("read on from sequence %d: %w", r.reached+1, err))
				return
			}
			select {
			case <-time.After(tailRetry):
			case <-ctx.Done():
			}
		}
	}
}

// How often, one time after the other, reading may fail without having come any further, and how long it may be silent.
const (
	readFailures = 20
	readStall    = 5 * time.Second
)

var errEnough = errors.New("nobody wants to read on")

// historyReader is one reading of a history.
type historyReader struct {
	store         *Store
	subject       string // "" for all
	server        string // whose copy is read; "" for any
	ahead         int    // see consumption
	lacking       func(sequence uint64)
	skipped       bool // the consumer has left out what the leader is asked for
	reached, last uint64
	yield         func(Record, error) bool
}

// read goes on as far as it can. It returns without an error also where there is more to read.
func (r *historyReader) read(ctx context.Context) error {
	if err := r.ask(ctx, r.last); err != nil || r.reached >= r.last { // so that each call comes further
		return err
	}
	if more, err := r.more(ctx); !more {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	arrivals, interrupted := make(chan delivery, cmp.Or(r.ahead, 4*tailBatch)), make(chan error, 1)
	go r.store.reader.deliver(ctx, consumption{after: r.reached, subject: r.subject, server: r.server, ahead: r.ahead}, arrivals, interrupted)
	stall := time.NewTimer(readStall)
	defer stall.Stop()
	for r.reached < r.last {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-interrupted:
			return err
		case <-stall.C:
			return nil
		case d := <-arrivals:
			stall.Reset(readStall)
			if errors.Is(d.err, errInterrupted) {
				return d.err
			}
			if err := r.take(ctx, d); err != nil || d.pending == 0 {
				return err
			}
		}
	}
	return nil
}

// more tells whether there is anything for a consumer to deliver, which else would be waited for.
func (r *historyReader) more(ctx context.Context) (bool, error) {
	if r.subject == "" {
		return true, nil
	}
	next, err := r.store.reader.next(ctx, r.subject, r.reached+1)
	if errors.Is(err, jetstream.ErrMsgNotFound) || next.Sequence > r.last {
		r.reached = r.last
		return false, nil
	}
	return next.Sequence > 0, err
}

// take hands on what was delivered, and before it what was not.
func (r *historyReader) take(ctx context.Context, d delivery) error {
	if d.record.Sequence <= r.reached { // a repeat after a reconnect
		return nil
	}
	for upTo := min(d.record.Sequence-1, r.last); r.subject == "" && r.reached < upTo; {
		r.skipped = true
		err := r.ask(ctx, upTo)
		if r.skipped = false; err != nil {
			return err
		}
	}
	if d.record.Sequence > r.last {
		r.reached = r.last
		return nil
	}
	return r.hand(d.record.Sequence, d.record, d.err)
}

// ask has the stream's leader say what comes next, and hands that on; where it is behind upTo, what is missing up to there.
func (r *historyReader) ask(ctx context.Context, upTo uint64) error {
	record, err := r.store.reader.next(ctx, cmp.Or(r.subject, ">"), r.reached+1)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		record.Sequence = upTo + 1
	case record.Sequence == 0:
		return err
	}
	if r.subject != "" && record.Sequence > upTo {
		r.reached = upTo
		return nil
	}
	if r.subject == "" && record.Sequence > r.reached+1 {
		missing := &MissingError{First: r.reached + 1, Last: min(record.Sequence-1, upTo)}
		return r.hand(missing.Last, Record{}, missing)
	}
	if r.skipped && r.server != "" && record.Foreign == "" { // a stray may have been kept back by nats.go
		r.lacking(record.Sequence)
	}
	return r.hand(record.Sequence, record, err)
}

func (r *historyReader) hand(reached uint64, record Record, err error) error {
	r.reached = reached
	if !r.yield(record, err) {
		return errEnough
	}
	return nil
}
