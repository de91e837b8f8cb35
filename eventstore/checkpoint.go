package eventstore

import (
	"context"
	"errors"
	"fmt"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrOtherStream means that a checkpoint was taken of another stream than the present one.
var ErrOtherStream = errors.New("snapshot of another stream")

// Check compares a checkpoint of a snapshot with the stream. The error is ErrWentBackwards if the stream ends before it,
// ErrOtherStream if the stream has another message there, or one of the requests to the leader. Without an error the
// stream is identified by that message from then on.
func (s *Store) Check(ctx context.Context, c Checkpoint) error {
	if err := s.reaches(ctx, c.Sequence); err != nil {
		return err
	}
	at, err := s.guard.storedAt(ctx, c.Sequence)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound), jsapi.Classify(err) == jsapi.Refused: // and will be whenever it is requested
		return fmt.Errorf("%w: message %d: %w", ErrOtherStream, c.Sequence, err)
	case err != nil:
		return fmt.Errorf("message %d: %w", c.Sequence, err)
	case !at.Equal(c.StoredAt):
		return ErrOtherStream
	}
	s.guard.advance(c)
	return nil
}

// reaches returns ErrWentBackwards if the stream ends before a sequence that it is known to have reached.
func (s *Store) reaches(ctx context.Context, sequence uint64) error {
	last, err := s.LastSequence(ctx)
	if err == nil && last < sequence {
		err = fmt.Errorf("%w: it reached sequence %d and now ends at %d", ErrWentBackwards, sequence, last)
	}
	return err
}
