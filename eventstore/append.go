package eventstore

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"clients/domain"

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

// Publishing one event: how long an answer is waited for before the same message is sent again, how long all of that
// may take, and the pause before a message is repeated that the server refused for the moment.
const (
	publishAttempt = time.Second
	publishLimit   = 2500 * time.Millisecond
	publishPause   = 20 * time.Millisecond
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
	ack, verdict, err := s.send(ctx, p.msg, max(publishAttempt, p.expected), p.unknown, p.hold)
	switch verdict {
	case accepted:
		s.readOnly.accepted()
		if err := s.identity.appended(ack.Sequence, before); err != nil {
			return domain.AppendResult{}, unknownOutcome(err)
		}
		return domain.AppendResult{Sequence: ack.Sequence, Revision: p.revision}, nil
	case repeated:
		return s.settle(ctx, p, err)
	case outrun:
		return s.conflict(ctx, p)
	case unanswered:
		s.readOnly.noAnswer()
		return domain.AppendResult{}, unknownOutcome(err)
	default:
		return domain.AppendResult{}, domain.NoStore(err)
	}
}

// send publishes a message that has an id, and the identical one again until the outcome is known or ctx ends. Each
// attempt is waited for as long as attempt says; unknown tells that it was sent before, and nobody told the outcome.
//
// The verdict is of all that was sent: whatever is answered to a repeat, an attempt before it may have been stored. A hold
// that is not nil is confirmed before each attempt; when it is not, that ends them.
func (s *Store) send(ctx context.Context, msg *nats.Msg, attempt time.Duration, unknown bool, hold domain.Lease) (ack *jetstream.PubAck, v verdict, err error) {
	for !ended(ctx) {
		if hold != nil {
			if err = hold.Confirm(ctx); err != nil {
				break
			}
		}
		once, cancel := context.WithTimeout(ctx, attempt)
		ack, err = s.publishOnce(once, msg)
		cancel()
		s.readOnly.note(err)
		switch v = classify(err); {
		case v == accepted && !ack.Duplicate:
			return ack, accepted, nil
		case v == accepted, v == outrun && unknown:
			return ack, repeated, err
		case v == refused && unknown:
			return nil, unanswered, err
		case v == outrun, v == refused:
			return nil, v, err
		case v == unanswered:
			unknown = true
		}
		pause(ctx)
	}
	if unknown {
		return nil, unanswered, cmp.Or(err, ctx.Err())
	}
	return nil, passing, cmp.Or(err, ctx.Err())
}

// pause waits before something is asked once more that nobody has answered, or that could not be done at the moment.
func pause(ctx context.Context) {
	select {
	case <-time.After(publishPause):
	case <-ctx.Done():
	}
}

// publishOnce sends a message and waits for its acknowledgement no longer than ctx lasts.
func (s *Store) publishOnce(ctx context.Context, msg *nats.Msg) (*jetstream.PubAck, error) {
	return within(ctx, func() (*jetstream.PubAck, error) {
		return s.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
	})
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

type verdict int

const (
	accepted   verdict = iota
	outrun             // not stored: there is a newer message on the subject
	repeated           // stored before, or there is a newer message, which may be the same one: see Store.send
	refused            // not stored, and never will be
	passing            // not stored: the server cannot take it at the moment
	unanswered         // stored or not, nobody knows
)

// codeDuplicateInFlight tells that a message with the same id is being stored. The jetstream package has no name for it.
const codeDuplicateInFlight jetstream.ErrorCode = 10158

func classify(err error) verdict {
	if err == nil {
		return accepted
	}
	var refusal jetstream.JetStreamError
	if errors.Is(err, nats.ErrMaxPayload) || lacksRoom(err) {
		return refused
	}
	if !errors.As(err, &refusal) || refusal.APIError() == nil {
		if errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrReconnectBufExceeded) {
			return passing // nobody was there to take it, or no connection to send it through
		}
		return unanswered
	}
	switch api := refusal.APIError(); {
	case api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence, api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return outrun
	case api.ErrorCode == codeNoPeers: // as servers start
		return passing
	case api.ErrorCode == codeDuplicateInFlight:
		return unanswered
	case api.Code == 404 || api.Code == 429:
		return passing
	case api.Code < 500:
		return refused
	default:
		return unanswered
	}
}
