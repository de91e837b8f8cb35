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
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// Entry is one message of a run: a fact, or an event that follows from one.
type Entry struct {
	Reference domain.ReferenceEvent
	Event     *domain.Envelope // if not nil, this is an event, and Reference is empty
	// LastSequence is what the event is stored under the condition of, see Append; nil where an entry before it in the
	// same run is an event of the same client.
	LastSequence *uint64
	// Anew stores a fact also where the stream holds one about the same message. It is for where that one does not count:
	// see domain.ReferenceEvent.
	Anew bool
}

// MaxBatch is how many entries can be stored together.
const MaxBatch = 1000

// AppendBatch stores entries in their order and answers the sequence of the last one. A run with an event in it is
// stored whole or not at all. A run of facts may be stored up to one of them when AppendBatch fails; storing it once more
// changes nothing, for the stream keeps the first of facts about the same message, and readers know the others.
//
// Errors: domain.ErrConflict when a client has changed, or when some entry is stored already, so that the whole run
// has to be decided again; a domain.Unavailable as Append answers it.
func (s *Store) AppendBatch(ctx context.Context, entries []Entry) (uint64, error) {
	s.writer.open.RLock()
	defer s.writer.open.RUnlock()
	if s.writer.closed() {
		return 0, domain.NoStore(nats.ErrConnectionClosed)
	}
	ctx, cancel := context.WithTimeout(ctx, publishLimit)
	defer cancel()
	messages, events, err := encodeRun(entries)
	if err != nil {
		return 0, err
	}
	if _, err := s.followed(ctx); err != nil { // what follows from one stream is not to be stored in another
		return 0, domain.NoStore(err)
	}
	before, err := s.identity.known()
	if err != nil {
		return 0, domain.NoStore(err)
	}
	for {
		last, err := s.record(ctx, messages, events, before)
		if err == nil {
			s.stats.appended.Add(uint64(events))
			return last, nil
		}
		if jsapi.Classify(err) != jsapi.Retryable || ctx.Err() != nil {
			return 0, runError(err)
		}
		jsapi.Pause(ctx) // nobody was there to take it, as while a leader is elected
	}
}

// record stores messages once: for a few facts it takes less time to store one after the other than a batch does.
func (s *Store) record(ctx context.Context, messages []*nats.Msg, events int, before mark) (last uint64, err error) {
	if len(messages) >= minBatch || events > 0 {
		ack, err := s.publishTogether(ctx, messages)
		if err != nil {
			return 0, err
		}
		return ack.Sequence, s.identity.appended(ack.Sequence, before)
	}
	for _, msg := range messages {
		ack, err := s.api.PublishOnce(ctx, msg)
		if err != nil {
			return 0, err
		}
		if !ack.Duplicate {
			err = s.identity.appended(ack.Sequence, before)
		}
		if err != nil {
			return 0, err
		}
		last = max(last, ack.Sequence)
	}
	return last, nil
}

// encodeRun makes the messages of a run, and counts the events among them.
func encodeRun(entries []Entry) (messages []*nats.Msg, events int, err error) {
	now := time.Now()
	for _, e := range entries {
		var msg *nats.Msg
		switch {
		case e.Event != nil:
			events++
			if msg, _, err = encode(*e.Event); err == nil && e.LastSequence != nil {
				expect(msg, *e.Event, *e.LastSequence)
			}
		default:
			id := factID(e.Reference, now)
			if e.Anew {
				id += fmt.Sprintf(":anew:%d", now.UnixNano())
			}
			if msg, err = encodeFact(e.Reference, id, now); err == nil {
				msg.Header[jetstream.ExpectedStreamHeader] = []string{Stream}
			}
		}
		if err != nil {
			return nil, 0, err
		}
		messages = append(messages, msg)
	}
	return messages, events, nil
}

func runError(err error) error {
	switch verdict := jsapi.Classify(err); {
	case verdict == jsapi.Conflict, errors.Is(err, jetstreamext.ErrBatchPublishDuplicateMsgID):
		return domain.ErrConflict
	case verdict == jsapi.Unknown:
		return unknownOutcome(err)
	default:
		return domain.NoStore(err)
	}
}
