package history

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"clients/domain"
	"clients/eventstore"
)

// Account returns the messages of an account's clients behind the sequence after, up to the sequence upTo, which the caller
// knows to be stored: in order, each once and none left out, foreign ones included. A batch is read before its first message
// is returned, so that the caller may take any time for each.
//
// Errors are those of Client.
func (r *Reader) Account(ctx context.Context, account string, after, upTo uint64) iter.Seq2[eventstore.Record, error] {
	return func(yield func(eventstore.Record, error) bool) {
		var batch []eventstore.Record
		c := &clientReader{Reader: r, subject: subjectOf(account, 0), reached: after, yield: func(record eventstore.Record, _ error) bool {
			if record.Sequence > upTo {
				return false
			}
			batch = append(batch, record)
			return true
		}}
		for ended := false; !ended; batch = nil {
			err := c.next(ctx, upTo)
			ended = err != nil || c.reached >= upTo
			for _, record := range batch {
				if !yield(record, nil) {
					return
				}
			}
			if err != nil && !errors.Is(err, errEnough) {
				yield(eventstore.Record{}, err)
			}
		}
	}
}

// next passes on a batch, or else the next message that the leader has. The error is errEnough if there is none up to upTo.
func (c *clientReader) next(ctx context.Context, upTo uint64) error {
	before := c.reached
	if _, err := c.batch(ctx); err != nil || c.reached > before {
		return err
	}
	found, err := c.fromLeader(ctx)
	if err != nil || found {
		return err
	}
	// A leader that was replaced may lack messages. It cannot send the information of the stream any more.
	info, err := c.api.StreamInfo(ctx, eventstore.Stream)
	if err == nil && info.State.Last < upTo {
		err = fmt.Errorf("the stream ends at sequence %d, before %d", info.State.Last, upTo)
	}
	if err != nil {
		return domain.NoStore(fmt.Errorf("events of %s behind sequence %d: %w", c.subject, c.reached, err))
	}
	return errEnough
}
