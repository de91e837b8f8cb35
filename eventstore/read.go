package eventstore

import (
	"context"
	"fmt"

	"clients/eventstore/internal/jsapi"
)

// LastSequence asks the stream's leader for the sequence of its last message. What was acknowledged before the call
// is at or below it. The error is ErrReplaced when that is not the stream that has been followed.
func (s *Store) LastSequence(ctx context.Context) (uint64, error) {
	info, err := s.followed(ctx)
	if err != nil {
		return 0, fmt.Errorf("last sequence: %w", err)
	}
	return info.State.Last, nil
}

// next answers the message at sequence, or, for a subject that is not "", the first one of it from there on. It asks the
// leader: a replica might not know of it yet. When there is none the error is jetstream.ErrMsgNotFound.
func (s *Store) next(ctx context.Context, subject string, sequence uint64) (Record, error) {
	m, err := s.api.Message(ctx, Stream, jsapi.Query{Sequence: sequence, NextBySubject: subject})
	if err != nil {
		return Record{}, fmt.Errorf("message %d: %w", sequence, err)
	}
	return decodeMessage(m)
}

// last answers the last message of a subject. It asks the leader. When there is none the error is
// jetstream.ErrMsgNotFound.
func (s *Store) last(ctx context.Context, subject string) (Record, error) {
	m, err := s.api.Message(ctx, Stream, jsapi.Query{LastBySubject: subject})
	if err != nil {
		return Record{}, fmt.Errorf("last message of %s: %w", subject, err)
	}
	return decodeMessage(m)
}

// decodeMessage is decode of a message as the message API returns it.
func decodeMessage(m jsapi.Message) (Record, error) {
	return decode(m.Sequence, m.Time, m.Subject, m.Header(), m.Data)
}
