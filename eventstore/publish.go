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
	switch outcome {
	case jsapi.Stored:
		w.readOnly.accepted(len(p.msg.Data))
		if err := w.guard.checkAppended(ack.Sequence, before.Sequence); err != nil {
			return domain.AppendResult{}, unknownOutcome(err)
		}
		return domain.AppendResult{Sequence: ack.Sequence, Revision: p.revision}, nil
	case jsapi.Duplicate, jsapi.Conflict:
		return w.resolve(ctx, p, outcome, err)
	case jsapi.Unknown:
		w.readOnly.unacknowledged()
		return domain.AppendResult{}, unknownOutcome(err)
	default:
		return domain.AppendResult{}, domain.NoStore(err)
	}
}

// resolve finds out whether an event is stored after the stream has refused it because of a newer message, or has reported
// it as a duplicate. If it is stored it is the first message behind the sequence that it was decided on.
//
// If that is another message, the event can never be stored, however often it was sent: the error is domain.ErrConflict.
//
// On a stream without replicas a refusal counts at once. On others, while a stale leader with a hanging disk does not know
// that it was replaced, a message reaches it and its successor. The one may refuse what the other stores, and the refusal
// may come first. So it only counts once a leader has a newer message: then the event cannot be stored any more.
func (w *writer) resolve(ctx context.Context, p *pending, outcome jsapi.Outcome, refusal error) (domain.AppendResult, error) {
	if outcome == jsapi.Conflict && !w.replicated {
		return domain.AppendResult{}, domain.ErrConflict
	}
	subject := p.msg.Subject
	if p.lastSequence == 0 && refusal != nil { // the newer message may be of another account
		subject = subjectOf("*", p.event.Event.Client())
	}
	for ctx.Err() == nil {
		next, err := nextRecord(ctx, w.api, subject, p.lastSequence+1)
		switch {
		case err == nil && next.Foreign == "" && next.EventID == p.event.EventID:
			return next.appendResult(), nil
		case err == nil && refusal != nil:
			return domain.AppendResult{}, domain.ErrConflict
		case err == nil: // reported as stored, and not the next message
			return domain.AppendResult{}, unknownOutcome(nil)
		}
		jsapi.Pause(ctx)
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
