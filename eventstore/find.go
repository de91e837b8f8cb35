package eventstore

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// Find looks for a stored event: among the client's messages behind l.After, up to the last one that the stream's leader has. A
// message with the id of the event is foreign, and not the event, if one in front of it and behind l.After has its version already.
//
// An event that is found is stored. Find reports that it is not found only if the leader is sure to know everything that
// was acknowledged: it has heard of a majority since, and has what the caller has been shown of the client. The sequence that
// it returns then is that of the client's last message, 0 if there is none. Otherwise the error is a domain.Unavailable.
func (s *Store) Find(ctx context.Context, l domain.Lookup) (domain.AppendResult, bool, error) {
	result, found, err := s.find(ctx, l)
	if err == nil && !found {
		_, err = s.api.StreamInfo(ctx, Stream)
	}
	if err != nil {
		return domain.AppendResult{}, false, domain.NoStore(err)
	}
	return result, found, nil
}

// find returns the event, or the sequence of the client's last message.
func (s *Store) find(ctx context.Context, l domain.Lookup) (_ domain.AppendResult, found bool, _ error) {
	subject := subjectOf(l.Account, l.ClientID)
	last, err := lastShown(ctx, s.api, subject, l.Shown)
	if err != nil {
		return domain.AppendResult{}, false, err
	}
	version := uint64(0) // of the client, as far as it is known
	for next, err := range messages(ctx, s.api, subject, l.After, last) {
		if err != nil {
			return domain.AppendResult{}, false, err
		}
		counts := next.Foreign == "" && next.Version > version
		if counts && next.EventID == l.EventID {
			return next.appendResult(), true, nil
		}
		if counts {
			version = next.Version
		}
		if !l.Before.IsZero() && next.StoredAt.After(l.Before) { // the event cannot be behind it
			break
		}
	}
	return domain.AppendResult{Sequence: last}, false, nil
}

const (
	findSteps = 8        // messages that are read one by one: commands on the same client at the same time leave few
	findBytes = 64 << 10 // that are read at once: many requests may search at the same time, see jsapi.Client.Batch
)

// messages returns the messages of a subject behind the sequence after, up to upTo, which the leader has. The first ones, and what
// other servers may lack, come from the leader: a leader that has none is behind. An error is the last element.
func messages(ctx context.Context, api *jsapi.Client, subject string, after, upTo uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for step := 1; after < upTo; step++ {
			record, err := nextRecord(ctx, api, subject, after+1)
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				err = errBehind
			}
			if !yield(record, err) || err != nil || record.Sequence >= upTo {
				return
			}
			after = record.Sequence
			if step < findSteps {
				continue
			}
			for m, err := range api.Batch(ctx, Stream, subject, after+1, findBytes) {
				if err != nil { // the server went away
					break
				}
				record, err := Decode(m.Sequence, m.Time, m.Subject, m.Header, m.Data)
				if !yield(record, err) || err != nil || record.Sequence >= upTo {
					return
				}
				after = record.Sequence
			}
		}
	}
}

// lastShown returns the sequence of the last message of a client, which is at shown or behind it; 0 if there is none.
func lastShown(ctx context.Context, api *jsapi.Client, subject string, shown uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
	defer cancel()
	for {
		last, err := api.Message(ctx, Stream, jsapi.Query{LastBySubject: subject})
		switch {
		case err != nil && !errors.Is(err, jetstream.ErrMsgNotFound):
			return 0, fmt.Errorf("last message of %s: %w", subject, err)
		case last.Sequence >= shown:
			return last.Sequence, nil
		}
		if jsapi.Pause(ctx); ctx.Err() != nil {
			return 0, errBehind
		}
	}
}

func (r Record) appendResult() domain.AppendResult {
	return domain.AppendResult{Sequence: r.Sequence, Revision: r.Revision()}
}

// nextRecord returns the message at a sequence, or the first one of a subject from there on, if that is not "", as the stream's
// leader has it: a replica might lack one that was acknowledged. If there is none the error is jetstream.ErrMsgNotFound.
func nextRecord(ctx context.Context, api *jsapi.Client, subject string, sequence uint64) (Record, error) {
	m, err := api.Message(ctx, Stream, jsapi.Query{Sequence: sequence, NextBySubject: subject})
	if err != nil {
		return Record{}, fmt.Errorf("message %d: %w", sequence, err)
	}
	return decodeMessage(m)
}

func decodeMessage(m jsapi.Message) (Record, error) {
	return Decode(m.Sequence, m.Time, m.Subject, m.Header(), m.Data)
}
