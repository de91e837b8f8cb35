package eventstore

import (
	"context"
	"iter"

	"github.com/nats-io/nats.go"
)

// historySource is where a history is read from: a NATS system that runs, or the files of one that does not. What is not
// there is jetstream.ErrStreamNotFound or jetstream.ErrMsgNotFound.
type historySource interface {
	// state answers how far a stream goes, and which of the subjects it has messages on, "" for none of them.
	state(ctx context.Context, stream, subjects string) (streamInfo, error)
	message(ctx context.Context, stream string, which storedQuestion) (storedMessage, error)
	// patiently repeats a call as long as it may be answered later.
	patiently(ctx context.Context, call func(context.Context) error) error
	// records is what History.Records answers.
	records(ctx context.Context, first, last uint64) iter.Seq2[Record, error]
}

// storedQuestion asks for a message: the last one of a subject, or the first one from a sequence on, of a subject or, at
// just that sequence, of any.
type storedQuestion struct {
	Sequence      uint64 `json:"seq,omitempty"`
	NextBySubject string `json:"next_by_subj,omitempty"`
	LastBySubject string `json:"last_by_subj,omitempty"`
}

// running reads from the leaders of the streams.
type running struct{ store *Store }

func (r running) state(ctx context.Context, stream, subjects string) (info streamInfo, err error) {
	return r.store.stateOf(ctx, stream, subjects)
}

func (r running) patiently(ctx context.Context, call func(context.Context) error) error {
	return r.store.patiently(ctx, call)
}

func (r running) message(ctx context.Context, stream string, which storedQuestion) (answer storedMessage, err error) {
	err = ask(ctx, r.store.nc, "STREAM.MSG.GET."+stream, which, &answer)
	return answer, err
}

// decode is decode of a message as the message API answers it.
func (m storedMessage) decode() (Record, error) {
	return decode(m.Message.Sequence, m.Message.Time, m.Message.Subject, m.header(), m.Message.Data)
}

// header answers none where it cannot be read, as a consumer has it.
func (m storedMessage) header() (header nats.Header) {
	if len(m.Message.Header) > 0 {
		header, _ = nats.DecodeHeadersMsg(m.Message.Header)
	}
	return header
}
