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
	if err != nil {
		return domain.AppendResult{}, domain.NoStore(err)
	}
	attempts := jsapi.Attempts{Timeout: max(publishAttempt, p.expected), Unknown: p.unknown}
	if p.lease != nil {
		attempts.Confirm = p.lease.Confirm
	}
	ack, outcome, err := w.api.Publish(ctx, p.msg, attempts)
	switch outcome {
	case jsapi.Stored:
		w.readOnly.accepted()
		if err := w.guard.checkAppended(ack.Sequence, before); err != nil {
			return domain.AppendResult{}, unknownOutcome(err)
		}
		return domain.AppendResult{Sequence: ack.Sequence, Revision: p.revision}, nil
	case jsapi.Duplicate:
		return w.resolve(ctx, p, err)
	case jsapi.Conflict:
		return w.confirmConflict(ctx, p)
	case jsapi.Unknown:
		w.readOnly.unacknowledged()
		return domain.AppendResult{}, unknownOutcome(err)
	default:
		return domain.AppendResult{}, domain.NoStore(err)
	}
}

// resolve finds out what is stored of an event that was sent more than once: it may be the event itself that a repeat
// conflicted with, and a repeat need not be the same in every byte.
func (w *writer) resolve(ctx context.Context, p *pending, conflict error) (domain.AppendResult, error) {
	lookup := domain.Lookup{Account: p.account, ClientID: p.clientID, EventID: p.eventID, After: p.lastSequence}
	record, err := w.reader.find(ctx, lookup)
	if err != nil {
		return domain.AppendResult{}, unknownOutcome(errors.Join(conflict, err))
	}
	return record.appendResult(), nil
}

// confirmConflict returns what became of an event that was refused because there is a newer message of its client. The
// error is domain.ErrConflict if that is so.
//
// While a stale leader with a hanging disk does not know that it was replaced, a message reaches it and its successor. The
// one may refuse what the other stores, and the refusal may come first. So a refusal only counts once a leader has a newer
// message, and it is another one: then the event cannot be stored any more.
func (w *writer) confirmConflict(ctx context.Context, p *pending) (domain.AppendResult, error) {
	if !w.replicated {
		return domain.AppendResult{}, domain.ErrConflict
	}
	for ctx.Err() == nil {
		next, err := w.reader.next(ctx, p.subject(), p.lastSequence+1) // the event itself, or it is not stored
		switch {
		case err == nil && next.is(p.eventID):
			return next.appendResult(), nil
		case err == nil:
			return domain.AppendResult{}, domain.ErrConflict
		}
		jsapi.Pause(ctx)
	}
	return domain.AppendResult{}, unknownOutcome(ctx.Err())
}

// unknownOutcome returns the error for a message that may have been stored or not.
func unknownOutcome(cause error) error {
	return &domain.Error{
		Kind:    domain.Unavailable,
		Message: "The event store did not answer in time: the command may have been carried out or not.",
		Cause:   errors.Join(domain.ErrUnknownOutcome, cause),
	}
}
