package history

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Reader reads the history of single clients, for callers of a running service. It is safe for concurrent use.
type Reader struct {
	api      *jsapi.Client
	removals *eventstore.Removals
	batches  chan struct{} // one for each that is read at the moment
}

// maxBatches bounds how many batches are read at once. A server sends each without a pause, and closes a connection for which
// more is pending than its max_pending, 16 MiB: the whole service would lose its connection. A batch counts until the write to
// the socket that it was part of has ended, so that twice as many can be pending.
const maxBatches = 4

// NewReader returns a reader on a connection. It leaves out messages that were removed, also while they are still there.
func NewReader(nc *nats.Conn, removals *eventstore.Removals) (*Reader, error) {
	api, err := jsapi.New(nc)
	return &Reader{api, removals, make(chan struct{}, maxBatches)}, err
}

// Client returns the messages of one client from a sequence on, in order and each once, foreign ones included. They come in batches
// from any server. A server may lack the newest ones, so that the rest is read from the stream's leader, unless the last message is at
// or behind shown, which is a sequence of the client that the caller knows of: nothing follows then that was acknowledged
// before shown was read.
//
// An error is the last element: a domain.Unavailable if the stream cannot be read, or an *eventstore.CorruptError or
// *eventstore.UnknownEventError.
func (r *Reader) Client(ctx context.Context, account string, id int64, from, shown uint64) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		c := &clientReader{Reader: r, subject: subjectOf(account, id), shown: shown, yield: yield, reached: max(from, 1) - 1}
		if err := c.read(ctx); err != nil && !errors.Is(err, errEnough) {
			yield(eventstore.Record{}, err)
		}
	}
}

// clientReader is one reading of a client's history.
type clientReader struct {
	*Reader
	subject string
	shown   uint64
	yield   func(eventstore.Record, error) bool

	reached uint64 // the sequence of the last message, or the one in front of the first
	slow    bool   // a batch has failed: the rest comes from the leader, one by one
}

func (c *clientReader) read(ctx context.Context) error {
	for {
		if more, err := c.batch(ctx); err != nil {
			return err
		} else if more {
			continue
		}
		if c.shown != 0 && c.reached >= c.shown {
			return nil
		}
		found, err := c.fromLeader(ctx)
		if err != nil || !found {
			return err
		}
	}
}

// batch passes on what one server sends at once. more says that it has more.
func (c *clientReader) batch(ctx context.Context) (more bool, err error) {
	if c.slow {
		return false, nil
	}
	select {
	case c.batches <- struct{}{}:
		defer func() { <-c.batches }()
	case <-ctx.Done():
		return false, domain.NoStore(ctx.Err())
	}
	for m, err := range c.api.Batch(ctx, eventstore.Stream, c.subject, c.reached+1) {
		if err != nil {
			if ctx.Err() != nil {
				return false, domain.NoStore(err)
			}
			c.slow = true // the server went away, or does not permit it
			return false, nil
		}
		record, err := eventstore.Decode(m.Sequence, m.Time, m.Subject, m.Header, m.Data)
		if err := c.pass(record, err); err != nil {
			return false, err
		}
		more = m.More
	}
	return more, nil
}

// fromLeader passes on the next message that the leader has, if there is one.
func (c *clientReader) fromLeader(ctx context.Context) (found bool, err error) {
	m, err := c.api.Message(ctx, eventstore.Stream, jsapi.Query{Sequence: c.reached + 1, NextBySubject: c.subject})
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound) && c.reached >= c.shown:
		return false, nil
	case err != nil:
		return false, domain.NoStore(fmt.Errorf("history of %s behind sequence %d: %w", c.subject, c.reached, err))
	}
	record, err := eventstore.Decode(m.Sequence, m.Time, m.Subject, m.Header(), m.Data)
	return true, c.pass(record, err)
}

func (c *clientReader) pass(record eventstore.Record, err error) error {
	if _, removed := c.removals.Record(record.Sequence); removed {
		c.reached = record.Sequence
		return nil
	}
	if err != nil {
		return err
	}
	c.reached = record.Sequence
	if !c.yield(record, nil) {
		return errEnough
	}
	return nil
}
