package eventstore

import (
	"context"

	"clients/domain"
	"clients/eventstore/internal/jsapi"
)

// conflict returns what became of an event that was refused because there is a newer message of its client. The error is
// domain.ErrConflict when that is so.
//
// While a leader whose disk hangs does not know yet that it was replaced, a message reaches it and its successor. The one
// may refuse what the other stores, and the refusal may come first. So it only counts once a leader has a newer message,
// and it is another one: then the event cannot be stored any more.
func (s *Store) conflict(ctx context.Context, p *pending) (domain.AppendResult, error) {
	if s.config.Replicas == 1 {
		return domain.AppendResult{}, domain.ErrConflict
	}
	for ctx.Err() == nil {
		next, err := s.next(ctx, p.subject(), p.lastSequence+1) // which is the event itself, or it is not stored
		switch {
		case err == nil && next.is(p.eventID):
			return next.receipt(), nil
		case err == nil:
			return domain.AppendResult{}, domain.ErrConflict
		}
		jsapi.Pause(ctx)
	}
	return domain.AppendResult{}, unknownOutcome(ctx.Err())
}

// subject is what the event's condition is about: of a creation, the id in any account.
func (p *pending) subject() string {
	if p.lastSequence == 0 {
		return subjectOf("*", p.clientID)
	}
	return subjectOf(p.account, p.clientID)
}
