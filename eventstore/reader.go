package eventstore

import (
	"context"
	"fmt"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
)

// reader reads single messages from the stream's leader: a replica might lack one that was acknowledged.
type reader struct {
	api *jsapi.Client
}

// next returns the message at a sequence, or the first one of a subject from there on, if that is not "". If there is none
// the error is jetstream.ErrMsgNotFound.
func (r *reader) next(ctx context.Context, subject string, sequence uint64) (Record, error) {
	m, err := r.api.Message(ctx, Stream, jsapi.Query{Sequence: sequence, NextBySubject: subject})
	if err != nil {
		return Record{}, fmt.Errorf("message %d: %w", sequence, err)
	}
	return decodeMessage(m)
}

// last returns the last message of a subject. If there is none the error is jetstream.ErrMsgNotFound.
func (r *reader) last(ctx context.Context, subject string) (Record, error) {
	m, err := r.api.Message(ctx, Stream, jsapi.Query{LastBySubject: subject})
	if err != nil {
		return Record{}, fmt.Errorf("last message of %s: %w", subject, err)
	}
	return decodeMessage(m)
}

// Decode reads back a message of the stream of events. The Record of a message that does not claim to be one of the service
// says so in Foreign. For a message that claims it and is not what was stored, the error is a *CorruptError or an
// *UnknownEventError, and the Record holds its sequence, subject and type.
func Decode(sequence uint64, at time.Time, subject string, header nats.Header, data []byte) (Record, error) {
	return decode(sequence, at, subject, header, data)
}

func decodeMessage(m jsapi.Message) (Record, error) {
	return decode(m.Sequence, m.Time, m.Subject, m.Header(), m.Data)
}
