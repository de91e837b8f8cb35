package eventstore

import (
	"context"
	"iter"

	"clients/eventstore/internal/jsapi"
)

// historySource is where a history is read from: a NATS system that runs, or the files of one that does not. What is not
// there is jetstream.ErrStreamNotFound or jetstream.ErrMsgNotFound.
type historySource interface {
	// state answers how far a stream goes, and which of the subjects it has messages on, "" for none of them.
	state(ctx context.Context, stream, subjects string) (jsapi.StreamInfo, error)
	message(ctx context.Context, stream string, which jsapi.Query) (jsapi.Message, error)
	// patiently repeats a call as long as it may be answered later.
	patiently(ctx context.Context, call func(context.Context) error) error
	// records is what History.Records answers.
	records(ctx context.Context, first, last uint64) iter.Seq2[Record, error]
}

// running reads from the leaders of the streams.
type running struct{ store *Store }

func (r running) state(ctx context.Context, stream, subjects string) (info jsapi.StreamInfo, err error) {
	return r.store.api.StreamSubjects(ctx, stream, subjects)
}

func (r running) patiently(ctx context.Context, call func(context.Context) error) error {
	return r.store.patiently(ctx, call)
}

func (r running) message(ctx context.Context, stream string, which jsapi.Query) (jsapi.Message, error) {
	return r.store.api.Message(ctx, stream, which)
}

// decodeMessage is decode of a message as the message API returns it.
func decodeMessage(m jsapi.Message) (Record, error) {
	return decode(m.Sequence, m.Time, m.Subject, m.Header(), m.Data)
}
