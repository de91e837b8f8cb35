package eventstore

import (
	"context"
	"errors"

	"clients/domain"
	"clients/eventstore/internal/jsapi"
)

// publish stores one event by itself. Until it knows the outcome it sends the identical message again: the stream
// recognises the event's id, and a repeat that comes too late for that fails on the expected sequence.
func (w *writer) publish(p *pending) (domain.AppendResult, error) {
	ctx, cancel := context.WithDeadline(context.Background(), p.deadline)
	defer cancel()
	before, err := w.guard.checkpoint()
	switch {
	case err != nil && p.unknown:
		return domain.AppendResult{}, unknownOutcome(err)
	case err != nil:
		return domain.AppendResult{}, domain.NoStore(err)
	}
	attempts := jsapi.Attempts{Timeout: max(publishAttempt, p.expected), Unknown: p.unknown}
	if p.lease != nil {
		attempts.Confirm = p.lease.Confirm
	}
	ack, outcome, err := w.api.Publish(ctx, p.msg, attempts)
	switch {
	case outcome == jsapi.Stored:
		w.readOnly.accepted(len(p.msg.Data))
		if err := w.guard.checkAppended(ack.Sequence, before.Sequence); err != nil {
			return domain.AppendResult{}, unknownOutcome(err)
		}
		return domain.AppendResult{Sequence: ack.Sequence, Revision: p.revision}, nil
	case outcome == jsapi.Conflict && !w.replicated:
		return domain.AppendResult{}, domain.ErrConflict
	case outcome == jsapi.Conflict, outcome == jsapi.Duplicate:
		return w.resolve(ctx, p, err)
	case outcome == jsapi.Unknown:
		w.readOnly.unacknowledged()
		return domain.AppendResult{}, unknownOutcome(err)
	default:
		return domain.AppendResult{}, domain.NoStore(err)
	}
}

// resolve finds out whether an event is stored that the stream has refused because the client has a newer message, or has
// reported as a duplicate: then there is no refusal. The client's next message behind lastSequence decides, as a leader has
// it. If that is the event, it is stored. If it is another one, the event can never be stored, however often it was sent: the
// error is domain.ErrConflict.
//
// A refusal alone does not count on a stream with replicas. While a stale leader with a hanging disk does not know that it was
// replaced, a message may reach it and its successor, and the one refuse what the other stores. The refusal may come first.
func (w *writer) resolve(ctx context.Context, p *pending, refusal error) (domain.AppendResult, error) {
	subject := p.msg.Subject
	if p.lastSequence == 0 && refusal != nil { // the newer message may be of another account
		subject = subjectOf("*", p.event.Event.Client())
	}
	for ctx.Err() == nil {
		next, err := nextRecord(ctx, w.api, subject, p.lastSequence+1)
		switch {
		case err != nil: // no leader responds, or it has no such message yet
			jsapi.Pause(ctx)
		case next.Foreign == "" && next.EventID == p.event.EventID:
			return next.appendResult(), nil
		case refusal != nil:
			return domain.AppendResult{}, domain.ErrConflict
		default: // reported as stored, and not the next message
			return domain.AppendResult{}, unknownOutcome(nil)
		}
	}
	return domain.AppendResult{}, unknownOutcome(errors.Join(refusal, ctx.Err()))
}

// unknownOutcome returns the error for a message that may have been stored or not.
func unknownOutcome(cause error) error {
	return &domain.Error{
		Kind:    domain.Unavailable,
		Message: "The event store did not answer in time: the command may have been carried out or not.",
		Cause:   errors.Join(domain.ErrUnknownOutcome, cause),
	}
}
