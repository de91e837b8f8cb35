package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// Entry is one message of a batch: a reference event, or an event of a client that follows from one.
type Entry struct {
	Reference domain.ReferenceEvent
	Event     *domain.Envelope // if not nil, this is an event of a client, and Reference is empty
	// LastSequence is the condition that the event is stored under, see Append; nil if an entry before it in the same batch
	// is an event of the same client.
	LastSequence *uint64
	// Anew stores a reference event even if the stream holds one about the same message. It is for a message whose stored
	// reference event does not count: see domain.ReferenceEvent.
	Anew bool
}

// MaxBatch is how many entries can be stored together.
const MaxBatch = 1000

// AppendBatch stores entries in their order and returns the sequence of the last one. A batch with an event of a client in
// it is stored completely or not at all. Of other batches a part may be stored if AppendBatch fails. Storing it once more
// changes nothing: the stream keeps the first of the reference events about the same message, and readers know the others.
//
// Errors: domain.ErrConflict if a client has changed, or if some entry is stored already, so that the whole batch has to be
// decided again; a domain.Unavailable as Append returns it.
func (s *Store) AppendBatch(ctx context.Context, entries []Entry) (uint64, error) {
	w := s.writer
	w.open.RLock()
	defer w.open.RUnlock()
	if w.closed {
		return 0, domain.NoStore(nats.ErrConnectionClosed)
	}
	ctx, cancel := context.WithTimeout(ctx, publishLimit)
	defer cancel()
	messages, events, err := encodeBatch(entries)
	if err != nil {
		return 0, err
	}
	info, err := w.guard.state(ctx)
	if err != nil { // what follows from one stream is not to be stored in another
		return 0, domain.NoStore(err)
	}
	for {
		last, err := w.storeBatch(ctx, messages, events, info.State.Last)
		if err == nil {
			s.Counts.Appended.Add(uint64(events))
			return last, nil
		}
		if jsapi.Classify(err) != jsapi.Retryable || ctx.Err() != nil {
			return 0, batchError(err)
		}
		jsapi.Pause(ctx) // there is no leader at the moment
	}
}

// storeBatch stores messages once: a few reference events one after the other, since a batch costs more syncs.
func (w *writer) storeBatch(ctx context.Context, messages []*nats.Msg, events int, before uint64) (last uint64, err error) {
	if len(messages) > diskSyncs || events > 0 {
		ack, err := w.publishBatch(ctx, uuid.NewString(), messages)
		if err != nil {
			return 0, err
		}
		return ack.Sequence, w.guard.checkAppended(ack.Sequence, before)
	}
	for _, msg := range messages {
		ack, err := w.api.PublishOnce(ctx, msg)
		if err == nil && !ack.Duplicate {
			err = w.guard.checkAppended(ack.Sequence, before)
		}
		if err != nil {
			return 0, err
		}
		last = max(last, ack.Sequence)
	}
	return last, nil
}

// encodeBatch returns the messages of entries, and how many of them are events of clients.
func encodeBatch(entries []Entry) (messages []*nats.Msg, events int, err error) {
	now := time.Now()
	for _, e := range entries {
		var msg *nats.Msg
		if e.Event != nil {
			events++
			if msg, _, err = encode(*e.Event); err == nil && e.LastSequence != nil {
				expect(msg, *e.Event, *e.LastSequence)
			}
		} else {
			id := referenceID(e.Reference, now)
			if e.Anew {
				id += fmt.Sprintf(":anew:%d", now.UnixNano())
			}
			if msg, err = encodeReference(e.Reference, id, now); err == nil {
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

func batchError(err error) error {
	switch outcome := jsapi.Classify(err); {
	case outcome == jsapi.Conflict, errors.Is(err, jetstreamext.ErrBatchPublishDuplicateMsgID):
		return domain.ErrConflict
	case outcome == jsapi.Unknown:
		return unknownOutcome(err)
	default:
		return domain.NoStore(err)
	}
}
