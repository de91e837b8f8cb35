package eventstore

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"clients/domain"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Append stores e as the next message about its client, provided that lastSequence is still the sequence of the last
// one (0: there is none yet). When it answers without error, a majority of the stream's replicas has the event on disk.
//
// Errors: domain.ErrConflict when there is a newer message, so that nothing was stored; a domain.Unavailable when the
// store cannot be reached: with the cause domain.ErrUnknownOutcome the event may have been stored, without it not.
// An event of unknown outcome was sent again unchanged. It is not sent anew after Append has returned; only what waits for
// a connection that is just being made may reach the stream later than that.
//
// A hold is confirmed right before each time that the event is sent. When that fails Append sends nothing more, and wraps
// the error of the hold.
func (s *Store) Append(ctx context.Context, e domain.Envelope, lastSequence uint64, hold ...domain.Lease) (domain.AppendResult, error) {
	msg, revision, err := encode(e)
	if err != nil {
		return domain.AppendResult{}, err
	}
	expect(msg, e, lastSequence)
	p := &pending{msg: msg, account: e.Account, clientID: e.Event.Client(), eventID: e.EventID, revision: revision, lastSequence: lastSequence}
	if len(hold) > 0 {
		p.hold = hold[0]
	}
	p.deadline = time.Now().Add(publishLimit)
	if d, ok := ctx.Deadline(); ok && d.Before(p.deadline) {
		p.deadline = d
	}
	traced := spanOfAppend(ctx, msg.Header.Get(headerType))
	receipt, err := s.writer.append(ctx, p)
	traced(err)
	s.stats.count(err)
	return receipt, err
}

// expect makes storing an event depend on what was read: that it is still the last of its client, and that it goes to the
// stream itself, and not to one that has taken its subjects over. Of a creation, no account may have a client with that
// id: a counter that was lost may hand one out again.
func expect(msg *nats.Msg, e domain.Envelope, lastSequence uint64) {
	msg.Header[jetstream.ExpectedStreamHeader] = []string{Stream}
	msg.Header[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.FormatUint(lastSequence, 10)}
	if _, creation := e.Event.(domain.ClientCreated); creation && lastSequence == 0 {
		msg.Header[jetstream.ExpectedLastSubjSeqSubjHeader] = []string{subjectOf("*", e.Event.Client())}
	}
}

// pending is an event on its way to the stream.
type pending struct {
	msg          *nats.Msg
	account      string
	clientID     int64
	eventID      string
	revision     domain.Revision // of the client, once it is stored
	lastSequence uint64
	deadline     time.Time     // after it, it is not sent again
	unknown      bool          // it was sent before, and nobody told the outcome
	expected     time.Duration // how long an answer may take, where that is known
	hold         domain.Lease

	state atomic.Int32
	done  chan outcome // takes one answer without anybody waiting for it
}

// A pending event is either sent or abandoned, whichever comes first.
const (
	waiting int32 = iota
	sent
	abandoned
)

type outcome struct {
	receipt domain.AppendResult
	err     error
}

// Publishing one event: how long an acknowledgement is waited for before the same message is sent again, and how long all
// of that may take.
const (
	publishAttempt = time.Second
	publishLimit   = 2500 * time.Millisecond
)

// publish stores one event by itself. Until it knows the outcome it sends the identical message again: the stream
// recognises the event's id, and a repeat that comes too late for that fails on the expected sequence.
func (s *Store) publish(p *pending) (domain.AppendResult, error) {
	ctx, cancel := context.WithDeadline(context.Background(), p.deadline)
	defer cancel()
	before, err := s.identity.known()
	if err != nil {
		return domain.AppendResult{}, domain.NoStore(err)
	}
	attempts := jsapi.Attempts{Timeout: max(publishAttempt, p.expected), Unknown: p.unknown}
	if p.hold != nil {
		attempts.Confirm = p.hold.Confirm
	}
	ack, outcome, err := s.api.Publish(ctx, p.msg, attempts)
	switch outcome {
	case jsapi.Stored:
		s.readOnly.accepted()
		if err := s.identity.appended(ack.Sequence, before); err != nil {
			return domain.AppendResult{}, unknownOutcome(err)
		}
		return domain.AppendResult{Sequence: ack.Sequence, Revision: p.revision}, nil
	case jsapi.Duplicate:
		return s.settle(ctx, p, err)
	case jsapi.Conflict:
		return s.conflict(ctx, p)
	case jsapi.Unknown:
		s.readOnly.noAnswer()
		return domain.AppendResult{}, unknownOutcome(err)
	default:
		return domain.AppendResult{}, domain.NoStore(err)
	}
}

// settle finds out what is stored of an event that was sent more than once: it may be the event itself that a repeat
// lost the race to, and a repeat need not be the same in every byte.
func (s *Store) settle(ctx context.Context, p *pending, conflict error) (domain.AppendResult, error) {
	receipt, found, err := s.Find(ctx, domain.Lookup{Account: p.account, ClientID: p.clientID, EventID: p.eventID, After: p.lastSequence})
	if err != nil || !found {
		return domain.AppendResult{}, unknownOutcome(errors.Join(conflict, err))
	}
	return receipt, nil
}
