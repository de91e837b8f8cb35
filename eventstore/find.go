package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Find looks for a stored event. It asks the stream's leader for the client's last message, and for the first ones behind
// l.After, one of which it mostly is; the rest is delivered by a consumer. A message with the id of the event is foreign, and
// not the event, if one in front of it and behind l.After has its version already.
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

// findSteps is how many messages are read one by one: creating a consumer takes longer, and commands on the same client at
// the same time leave few.
const findSteps = 8

// find returns the event, or jetstream.ErrMsgNotFound with the client's last message.
func (r *reader) find(ctx context.Context, l domain.Lookup) (Record, error) {
	subject := subjectOf(l.Account, l.ClientID)
	last, err := r.lastShown(ctx, subject, l.Shown)
	switch {
	case err != nil:
		return Record{}, err
	case last.Sequence <= l.After:
		return last, jetstream.ErrMsgNotFound
	}
	version := uint64(0) // of the client, as far as it is known
	for range findSteps {
		next, err := r.nextStored(ctx, subject, l.After+1)
		if err != nil {
			return Record{}, err
		}
		counts := next.Foreign == "" && next.Version > version
		if counts {
			version = next.Version
		}
		switch {
		case counts && next.EventID == l.EventID:
			return next, nil
		case next.Sequence >= last.Sequence, tooLate(l, next.StoredAt):
			return last, jetstream.ErrMsgNotFound
		}
		l.After = next.Sequence
	}
	sequence, err := r.search(ctx, subject, l, last.Sequence, version)
	if err != nil {
		return last, err
	}
	return r.nextStored(ctx, subject, sequence)
}

// nextStored returns what next does, for a message that is stored: a leader that has none is behind.
func (r *reader) nextStored(ctx context.Context, subject string, sequence uint64) (Record, error) {
	record, err := r.next(ctx, subject, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		err = errBehind
	}
	return record, err
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

// tooLate reports whether a message that was stored at a time shows that the event cannot be behind it.
func tooLate(l domain.Lookup, at time.Time) bool { return !l.Before.IsZero() && at.After(l.Before) }

// searchBatch is how many headers are delivered at once.
const searchBatch = 1000

// search has the headers of a client's messages delivered, and returns the sequence of the event, or
// jetstream.ErrMsgNotFound. Whichever server delivers, it has delivered all of them when the last one is reached. version is
// that of the client before them, as far as it is known.
func (r *reader) search(ctx context.Context, subject string, l domain.Lookup, last, version uint64) (uint64, error) {
	consumer, err := r.api.Consumer(ctx, jsapi.Reading{Stream: Stream, Subject: subject, After: l.After, HeadersOnly: true})
	if err != nil {
		return 0, err
	}
	defer r.api.DropConsumer(Stream, consumer)
	for delivered := uint64(0); ctx.Err() == nil; {
		batch, err := consumer.Fetch(searchBatch, jetstream.FetchMaxWait(jsapi.RequestTimeout/4))
		if err != nil {
			return 0, err
		}
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if delivered++; err != nil || meta.Sequence.Consumer != delivered {
				return 0, errors.Join(errInterrupted, err)
			}
			counts := counts(l.ClientID, m.Headers(), &version)
			switch {
			case counts && m.Headers().Get(headerID) == l.EventID:
				return meta.Sequence.Stream, nil
			case meta.Sequence.Stream >= last, tooLate(l, meta.Timestamp):
				return 0, jetstream.ErrMsgNotFound
			}
		}
		switch err := batch.Error(); {
		case errors.Is(err, nats.ErrNoResponders): // in a cluster a consumer responds a moment after it was created
			jsapi.Pause(ctx)
		case err != nil:
			return 0, err
		}
	}
	return 0, ctx.Err()
}

// counts reports whether a message is an event of a client with a higher version than those before it, and moves that on.
func counts(clientID int64, header nats.Header, version *uint64) bool {
	r := Record{ClientID: clientID}
	if !isStored(header, typePrefix) || !r.readEnvelope(header) || !r.names(header) || r.Version <= *version {
		return false
	}
	*version = r.Version
	return true
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
