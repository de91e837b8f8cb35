package jsapi

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/nats-io/nats.go/jetstream"
)

// maxBatches bounds how many batches a Client reads at once: of the Clients of one connection only one should read many. A server sends each without a pause, and closes a connection for
// which more is pending than its max_pending, 16 MiB: the whole service would lose its connection. A batch counts until the write
// to the socket that it was part of has ended, so that twice as many can be pending.
const (
	maxBatches = 4
	batchBytes = 1 << 20 // of one batch
)

// Messages returns the messages of a subject behind the sequence after and up to the sequence upTo, which the caller knows to be
// stored: in order, each once and none left out. They come in batches from any server. A server may lack the newest ones: these are
// read from the stream's leader. A batch is read before its first message is returned, so that the caller may take any time for each.
// An error is the last element.
func (c *Client) Messages(ctx context.Context, stream, subject string, after, upTo uint64) iter.Seq2[*jetstream.RawStreamMsg, error] {
	return func(yield func(*jetstream.RawStreamMsg, error) bool) {
		r := &reading{Client: c, stream: stream, subject: subject, upTo: upTo}
		for reached := after; reached < upTo; {
			found, err := r.next(ctx, reached)
			if err != nil {
				yield(nil, fmt.Errorf("messages of %s behind sequence %d: %w", subject, reached, err))
				return
			}
			if len(found) == 0 {
				return
			}
			for _, m := range found {
				if m.Sequence > upTo || !yield(m, nil) {
					return
				}
				reached = m.Sequence
			}
		}
	}
}

// reading is one call of Messages.
type reading struct {
	*Client
	stream, subject string
	upTo            uint64
	slow            bool // a batch has failed: the rest comes from the leader, one by one
}

// next returns what one server sends at once, or else the next message that the leader has. It returns nothing if there is none.
func (r *reading) next(ctx context.Context, reached uint64) ([]*jetstream.RawStreamMsg, error) {
	if found, err := r.batch(ctx, reached+1); err != nil || len(found) > 0 {
		return found, err
	}
	m, err := r.Message(ctx, r.stream, Query{Sequence: reached + 1, NextBySubject: r.subject})
	if err == nil {
		return []*jetstream.RawStreamMsg{m.Raw()}, nil
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		// A leader that was replaced may lack messages. It cannot send the information of the stream any more.
		var info StreamInfo
		info, err = r.StreamInfo(ctx, r.stream)
		if err == nil && info.State.Last < r.upTo {
			err = fmt.Errorf("the stream ends at sequence %d, before %d", info.State.Last, r.upTo)
		}
	}
	return nil, err
}

// batch returns what one server sends at once.
func (r *reading) batch(ctx context.Context, from uint64) (found []*jetstream.RawStreamMsg, err error) {
	if r.slow {
		return nil, nil
	}
	select {
	case r.batches <- struct{}{}:
		defer func() { <-r.batches }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for m, err := range r.Batch(ctx, r.stream, r.subject, from, batchBytes) {
		if err != nil {
			r.slow = true // the server went away, or does not permit it
			return found, ctx.Err()
		}
		found = append(found, m)
	}
	return found, nil
}
