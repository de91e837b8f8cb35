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

// Size of a batch: a server sends the messages of one without a pause.
const (
	batchMessages = 500
	batchBytes    = 1 << 20
)

// batchTimeout bounds a batch of which a message arrives from time to time: on a busy machine 1 MiB can take seconds.
const batchTimeout = 30 * time.Second

// numPending is the header of a batch's message that says how many follow in the stream.
const numPending = "Nats-Num-Pending"

// Batch returns the next messages of a subject from a sequence on, in order, and more says whether the server has more of
// them behind the last one. Any server that holds the stream may respond: it may lack the newest messages. There may be none. The
// batch also ends in front of a message that was stored with one of the headers that the server adds.
// The error, which comes last, is ctx's or that of the connection, or context.Canceled if no message came for RequestTimeout.
func (c *Client) Batch(ctx context.Context, stream, subject string, from uint64) iter.Seq2[BatchMessage, error] {
	return func(yield func(BatchMessage, error) bool) {
		ctx, cancel := context.WithTimeout(ctx, batchTimeout)
		defer cancel()
		silence := time.AfterFunc(RequestTimeout, cancel)
		defer silence.Stop()
		messages, err := jetstreamext.GetBatch(ctx, c.JetStream, stream, batchMessages,
			jetstreamext.GetBatchSubject(subject), jetstreamext.GetBatchSeq(from), jetstreamext.GetBatchMaxBytes(batchBytes))
		if err != nil {
			yield(BatchMessage{}, err)
			return
		}
		for m, err := range messages {
			silence.Reset(RequestTimeout)
			switch {
			case errors.Is(err, jetstreamext.ErrNoMessages):
				return
			case err != nil:
				yield(BatchMessage{}, err)
				return
			case ambiguous(m.Header):
				return
			}
			if !yield(BatchMessage{RawStreamMsg: m, More: m.Header.Get(numPending) != "0"}, nil) {
				return
			}
		}
		if ctx.Err() != nil {
			yield(BatchMessage{}, ctx.Err())
		}
	}
}

// ambiguous reports whether a message was stored with one of the headers that the server adds: RawStreamMsg has the stored value, not the
// server's.
func ambiguous(header nats.Header) bool {
	return slices.ContainsFunc([]string{jetstream.SequenceHeader, jetstream.TimeStampHeaer, jetstream.SubjectHeader, numPending},
		func(name string) bool { return len(header.Values(name)) > 1 })
}

// BatchMessage is a message of a batch.
type BatchMessage struct {
	*jetstream.RawStreamMsg
	More bool // the server has further messages of the subject
}
