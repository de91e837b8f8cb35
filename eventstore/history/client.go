package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Reader reads the messages of single clients and accounts. It is safe for concurrent use.
type Reader struct {
	api      *jsapi.Client
	removals *eventstore.Removals
	batches  chan struct{} // one for each that is read at the moment
}

// maxBatches bounds how many batches are read at once. A server sends each without a pause, and closes a connection for which
// more is pending than its max_pending, 16 MiB: the whole service would lose its connection. A batch counts until the write to
// the socket that it was part of has ended, so that twice as many can be pending.
const (
	maxBatches = 4
	batchBytes = 1 << 20 // of one batch
)

// NewReader returns a reader on a connection. It leaves out messages that were removed, also while they are still there.
func NewReader(nc *nats.Conn, removals *eventstore.Removals) *Reader {
	return &Reader{jsapi.New(nc), removals, make(chan struct{}, maxBatches)}
}

// Messages returns the messages of one client, or of all clients of an account where id is 0, behind the sequence after and up to
// the sequence upTo, which the caller knows to be stored: in order, each once and none left out, foreign ones included. They come
// in batches from any server. A server may lack the newest ones: these are read from the stream's leader. A batch is read before
// its first message is returned, so that the caller may take any time for each.
//
// With a message that cannot be read comes an *eventstore.CorruptError or *eventstore.UnknownEventError. Any other error is the
// last element: a domain.Unavailable.
func (r *Reader) Messages(ctx context.Context, account string, id int64, after, upTo uint64) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		c := &clientReader{Reader: r, subject: subjectOf(account, id), upTo: upTo, reached: after}
		for c.reached < upTo {
			c.found = nil
			err := c.next(ctx)
			for _, m := range c.found {
				if !yield(m.Record, m.fault) {
					return
				}
			}
			if err != nil {
				yield(eventstore.Record{}, err)
				return
			}
		}
	}
}

// clientReader is one reading of the messages of a client or an account.
type clientReader struct {
	*Reader
	subject string
	upTo    uint64

	found   []message // not returned yet
	reached uint64    // the sequence of the last message, or the one in front of the first
	slow    bool      // a batch has failed: the rest comes from the leader, one by one
}

// message is a message with what is wrong with it.
type message struct {
	eventstore.Record
	fault error
}

// next finds what one server sends at once, or else the next message that the leader has. If there is none it moves on to upTo.
func (c *clientReader) next(ctx context.Context) error {
	before := c.reached
	if err := c.batch(ctx); err != nil || c.reached > before {
		return err
	}
	m, err := c.api.Message(ctx, eventstore.Stream, jsapi.Query{Sequence: c.reached + 1, NextBySubject: c.subject})
	if err == nil {
		c.add(eventstore.Decode(m.Sequence, m.Time, m.Subject, m.Header(), m.Data))
		return nil
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		// A leader that was replaced may lack messages. It cannot send the information of the stream any more.
		var info jsapi.StreamInfo
		info, err = c.api.StreamInfo(ctx, eventstore.Stream)
		if err == nil && info.State.Last < c.upTo {
			err = fmt.Errorf("the stream ends at sequence %d, before %d", info.State.Last, c.upTo)
		}
	}
	if err != nil {
		return domain.NoStore(fmt.Errorf("events of %s behind sequence %d: %w", c.subject, before, err))
	}
	c.reached = c.upTo
	return nil
}

// batch finds what one server sends at once.
func (c *clientReader) batch(ctx context.Context) error {
	if c.slow {
		return nil
	}
	select {
	case c.batches <- struct{}{}:
		defer func() { <-c.batches }()
	case <-ctx.Done():
		return domain.NoStore(ctx.Err())
	}
	for m, err := range c.api.Batch(ctx, eventstore.Stream, c.subject, c.reached+1, batchBytes) {
		if err != nil && ctx.Err() != nil {
			return domain.NoStore(err)
		}
		if err != nil {
			c.slow = true // the server went away, or does not permit it
			return nil
		}
		c.add(eventstore.Decode(m.Sequence, m.Time, m.Subject, m.Header, m.Data))
	}
	return nil
}

// add adds a message, unless it is behind upTo or was removed.
func (c *clientReader) add(record eventstore.Record, fault error) {
	c.reached = record.Sequence
	if _, removed := c.removals.Record(record.Sequence); !removed && record.Sequence <= c.upTo {
		c.found = append(c.found, message{record, fault})
	}
}

// subjectOf returns the subject of one client, or the filter for all accounts where account is "", and for all clients where
// clientID is 0.
func subjectOf(account string, clientID int64) string {
	id := "*"
	if clientID != 0 {
		id = strconv.FormatInt(clientID, 10)
	}
	return "clients." + cmp.Or(account, "*") + "." + id
}
