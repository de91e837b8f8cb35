package eventstore

import (
	"context"
	"errors"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// SourceHolds reports whether a source is still the one that was read up to a message, which was stored at storedAt: a
// source that was put back to an earlier state of itself has other messages there, or none yet. state is what its leader
// has said; where that does not tell, the leader is asked once more. When state is older than the message, and that is gone
// by now, the answer is false as well.
//
// The message may be gone, as other services let theirs expire. Then the times tell: whatever there is up to its
// sequence was stored no later. What is given no time at all cannot be told.
func (s *Store) SourceHolds(ctx context.Context, source Source, state SourceState, sequence uint64, storedAt time.Time) (bool, error) {
	switch {
	case sequence == 0:
		return true, nil
	case storedAt.IsZero():
		return state.Last >= sequence, nil
	case state.Last == sequence && state.LastStored.Equal(storedAt):
		return true, nil
	}
	var later jsapi.Message
	asked := make(chan error, 1)
	go func() {
		var err error
		later, err = s.api.Message(ctx, source.Stream, jsapi.Query{StartTime: storedAt.Add(1).UTC(), NextBySubject: source.Filter})
		asked <- err
	}()
	there, err := s.api.Message(ctx, source.Stream, jsapi.Query{Sequence: sequence})
	errLater := <-asked
	switch {
	case err == nil:
		return there.Time.Equal(storedAt), nil
	case !errors.Is(err, jetstream.ErrMsgNotFound):
		return false, sourceError(source, err)
	case state.Last < sequence:
		return false, nil
	case errLater == nil:
		return later.Sequence > sequence || !later.Time.After(storedAt), nil
	case errors.Is(errLater, jetstream.ErrMsgNotFound):
		return true, nil
	}
	return false, sourceError(source, errLater)
}
