package jsapi

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// batchMessages is how many messages a batch has at most.
const batchMessages = 500

// batchTimeout bounds a batch of which a message arrives from time to time: on a busy machine 1 MiB can take seconds.
const batchTimeout = 30 * time.Second

// Batch returns the next messages of a subject from a sequence on, in order, and of no more bytes than size if there is more than
// one. A server sends them without a pause, and closes a connection behind which 16 MiB wait. Any server that holds the stream may
// respond: it may lack the newest messages. There may be none. The batch also ends in front of a message that was stored with one
// of the headers that the server adds.
// The error, which comes last, is ctx's or that of the connection, or context.Canceled if no message came for RequestTimeout.
func (c *Client) Batch(ctx context.Context, stream, subject string, from uint64, size int) iter.Seq2[*jetstream.RawStreamMsg, error] {
	return func(yield func(*jetstream.RawStreamMsg, error) bool) {
		ctx, cancel := context.WithTimeout(ctx, batchTimeout)
		defer cancel()
		silence := time.AfterFunc(RequestTimeout, cancel)
		defer silence.Stop()
		messages, err := jetstreamext.GetBatch(ctx, c.JetStream, stream, batchMessages,
			jetstreamext.GetBatchSubject(subject), jetstreamext.GetBatchSeq(from), jetstreamext.GetBatchMaxBytes(size))
		if err != nil {
			yield(nil, err)
			return
		}
		for m, err := range messages {
			silence.Reset(RequestTimeout)
			switch {
			case errors.Is(err, jetstreamext.ErrNoMessages):
				return
			case err != nil:
				yield(nil, err)
				return
			case ambiguous(m.Header):
				return
			}
			if !yield(m, nil) {
				return
			}
		}
		if ctx.Err() != nil {
			yield(nil, ctx.Err())
		}
	}
}

// ambiguous reports whether a message was stored with one of the headers that the server adds: RawStreamMsg has the stored value, not the
// server's.
func ambiguous(header nats.Header) bool {
	return slices.ContainsFunc([]string{jetstream.SequenceHeader, jetstream.TimeStampHeaer, jetstream.SubjectHeader, "Nats-Num-Pending"},
		func(name string) bool { return len(header.Values(name)) > 1 })
}
