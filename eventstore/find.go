package eventstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Find looks for a stored event: among the client's messages behind l.After, up to the last one that the stream's leader has. A
// message with the id of the event is foreign, and not the event, if one in front of it and behind l.After has its version already.
//
// An event that is found is stored. Find reports that it is not found only if the leader is sure to know everything that
// was acknowledged: it has heard of a majority since, and has what the caller has been shown of the client. The sequence that
// it returns then is that of the client's last message, 0 if there is none. Otherwise the error is a domain.Unavailable.
func (s *Store) Find(ctx context.Context, l domain.Lookup) (domain.AppendResult, bool, error) {
	record, err := s.reader.find(ctx, l)
	missing := errors.Is(err, jetstream.ErrMsgNotFound)
	if missing {
		_, err = s.api.StreamInfo(ctx, Stream)
	}
	switch {
	case err != nil:
		return domain.AppendResult{}, false, domain.NoStore(err)
	case missing:
		return domain.AppendResult{Sequence: record.Sequence}, false, nil
	}
	return record.appendResult(), true, nil
}

// find returns the event, or jetstream.ErrMsgNotFound with the client's last message.
func (r *reader) find(ctx context.Context, l domain.Lookup) (Record, error) {
	subject := subjectOf(l.Account, l.ClientID)
	last, err := r.lastShown(ctx, subject, l.Shown)
	if err != nil {
		return Record{}, err
	}
	version := uint64(0) // of the client, as far as it is known
	for next, err := range r.messages(ctx, subject, l.After, last.Sequence) {
		counts := next.Foreign == "" && next.Version > version
		switch {
		case err != nil:
			return Record{}, err
		case counts && next.EventID == l.EventID:
			return next, nil
		case !l.Before.IsZero() && next.StoredAt.After(l.Before): // the event cannot be behind it
			return last, jetstream.ErrMsgNotFound
		case counts:
			version = next.Version
		}
	}
	return last, jetstream.ErrMsgNotFound
}

// findBytes is how much is read at once: many requests may search at the same time, see jsapi.Client.Batch.
const findBytes = 64 << 10

// messages returns the messages of a subject behind the sequence after, up to upTo, which the leader has. The first one, and what
// other servers may lack, comes from the leader: a leader that has none is behind. An error is the last element.
func (r *reader) messages(ctx context.Context, subject string, after, upTo uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for after < upTo {
			record, err := r.next(ctx, subject, after+1)
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				err = errBehind
			}
			if !yield(record, err) || err != nil || record.Sequence >= upTo {
				return
			}
			after = record.Sequence
			for m, err := range r.api.Batch(ctx, Stream, subject, after+1, findBytes) {
				if err != nil { // the server went away
					break
				}
				record, err := decode(m.Sequence, m.Time, m.Subject, m.Header, m.Data)
				if !yield(record, err) || err != nil || record.Sequence >= upTo {
					return
				}
				after = record.Sequence
			}
		}
	}
}

// lastShown returns the last message of a client, which is at shown or behind it.
func (r *reader) lastShown(ctx context.Context, subject string, shown uint64) (Record, error) {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	for {
		last, err := r.last(ctx, subject)
		missing := errors.Is(err, jetstream.ErrMsgNotFound)
		if err != nil && !missing || last.Sequence >= shown {
			return last, err
		}
		if jsapi.Pause(ctx); ctx.Err() != nil {
			return Record{}, errBehind
		}
	}
}

// is reports whether a message is the event that was stored under an id.
func (r Record) is(eventID string) bool { return r.Foreign == "" && r.EventID == eventID }

func (r Record) appendResult() domain.AppendResult {
	return domain.AppendResult{Sequence: r.Sequence, Revision: r.Revision()}
}

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
