package jsapi

import (
	"context"
	"errors"
	"iter"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// Size of a batch: a server sends the messages of one without a pause.
const (
	batchMessages = 500
	batchBytes    = 1 << 20
)

// Batch returns the next messages of a subject from a sequence on, in order, and more says whether the server has more of
// them behind the last one. Any server that holds the stream may respond: it may lack the newest messages. There may be none.
// The error, which comes last, is ctx's or that of the connection.
func (c *Client) Batch(ctx context.Context, stream, subject string, from uint64) iter.Seq2[BatchMessage, error] {
	return func(yield func(BatchMessage, error) bool) {
		ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
		defer cancel()
		messages, err := jetstreamext.GetBatch(ctx, c.JetStream, stream, batchMessages,
			jetstreamext.GetBatchSubject(subject), jetstreamext.GetBatchSeq(from), jetstreamext.GetBatchMaxBytes(batchBytes))
		if err != nil {
			yield(BatchMessage{}, err)
			return
		}
		for m, err := range messages {
			switch {
			case errors.Is(err, jetstreamext.ErrNoMessages):
				return
			case err != nil:
				yield(BatchMessage{}, err)
				return
			}
			if !yield(BatchMessage{RawStreamMsg: m, More: m.Header.Get("Nats-Num-Pending") != "0"}, nil) {
				return
			}
		}
		if ctx.Err() != nil {
			yield(BatchMessage{}, ctx.Err())
		}
	}
}

// BatchMessage is a message of a batch.
type BatchMessage struct {
	*jetstream.RawStreamMsg
	More bool // the server has further messages of the subject
}
