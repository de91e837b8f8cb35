package upstream

import (
	"context"
	"errors"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// Holds reports whether a stream still is the one that was read up to a message, which was stored at storedAt. A stream
// that was restored to an earlier state has another message at that sequence, or none yet. state is the last known state;
// the leader is asked again if it is not conclusive.
//
// The message may be gone because it expired. Then the times decide: what is left up to its sequence was stored no later
// than it. Without a time, only the length of the stream can be compared.
func (c *Client) Holds(ctx context.Context, stream Stream, state State, sequence uint64, storedAt time.Time) (bool, error) {
	if state.Last < sequence { // another replica may have read on since
		now, err := c.State(ctx, stream)
		switch {
		case err != nil:
			return false, err
		case !now.Created.Equal(state.Created):
			return false, ErrRecreated
		case now.Last < sequence:
			return false, nil
		}
		state = now
	}
	if sequence == 0 || storedAt.IsZero() || state.Last == sequence && state.LastStored.Equal(storedAt) {
		return true, nil
	}
	there, err := c.api.Message(ctx, stream.Name, jsapi.Query{Sequence: sequence})
	if err == nil {
		return there.Time.Equal(storedAt), nil
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		there, err = c.api.Message(ctx, stream.Name, jsapi.Query{StartTime: storedAt.Add(1).UTC(), NextBySubject: stream.Filter})
	}
	switch {
	case err == nil:
		return there.Sequence > sequence || !there.Time.After(storedAt), nil
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return true, nil
	}
	return false, streamError(stream, err)
}
