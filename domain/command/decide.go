package command

import (
	"context"
	"errors"
	"slices"

	"clients/domain"
)

// intent is what stays the same however often a command is decided.
type intent struct {
	clientID int64 // 0: a new one is taken for each attempt
	eventID  string
	after    uint64 // the event is stored behind this sequence, if it is
	known    bool   // somebody else is known to have had the same intent
	fenced   bool   // the directory shows what other services had said when the command came
}

// decide decides the command, and again behind the fence where it turns out to rest on what other services hold.
func (h *Handler) decide(ctx context.Context, req Request, in intent) (Result, Outcome, error) {
	result, outcome, err := h.decideInTurn(ctx, req, in)
	if outcome != unfenced {
		return result, outcome, err
	}
	if err := h.passFence(context.WithoutCancel(ctx)); err != nil {
		return Result{}, Failed, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeLimit)
	defer cancel()
	in.fenced = true
	return h.decideInTurn(ctx, req, in)
}

// decideInTurn attempts the command again while others win the race, and until what it answers rests on a directory
// that is as new as the request.
func (h *Handler) decideInTurn(ctx context.Context, req Request, in intent) (Result, Outcome, error) {
	if in.clientID != 0 {
		done, err := h.turns.take(ctx, owned{req.Account, in.clientID})
		if err != nil {
			return Result{}, Failed, unavailable(err)
		}
		defer done()
	}
	fresh := false
	for lost := 0; lost < maxAttempts; {
		result, outcome, err := h.attempt(ctx, req, in)
		switch {
		case outcome == Conflict:
			h.observe(Conflict)
			in.known = in.known || req.Key != ""
			lost++
			pauseAfterLoss(ctx, lost)
		case fresh, outcome == unfenced, outcome == Applied, outcome == Failed, outcome == Refused && !dependsOnState(err):
			return result, outcome, err
		}
		if err := h.Directory.Refresh(ctx); err != nil {
			return Result{}, Failed, unavailable(err)
		}
		fresh = true
	}
	return Result{}, Failed, domain.ErrConflict
}

// attempt decides the command on what the directory shows, and appends the event that it leads to.
func (h *Handler) attempt(ctx context.Context, req Request, in intent) (Result, Outcome, error) {
	id, err := h.clientID(ctx, in)
	if err != nil {
		return Result{}, Failed, err
	}
	state := h.Directory.State(req.Account, id)
	taken := req.ClientID == 0 && in.clientID != 0 && h.Directory.Taken(id)
	if taken || in.mayShowIn(state, req) { // asked after the state was read: what is stored later than that makes the append fail
		receipt, found, err := h.Log.Find(ctx, req.Account, id, in.eventID, in.after)
		if err != nil {
			return Result{}, Failed, err
		}
		if found {
			return h.applied(ctx, id, receipt)
		}
	}
	if taken {
		return Result{}, Failed, domain.ErrConflict // the reserved id is another client's
	}
	event, err := judge(state, withID(req, id, h.DefaultCurrency))
	switch {
	case !in.fenced && restsOnReferences(event, err):
		return Result{}, unfenced, nil
	case errors.Is(err, domain.ErrConflict):
		return Result{}, Conflict, err
	case err != nil:
		return Result{}, Refused, err
	case event == nil:
		return Result{ClientID: id, Revision: state.Client.Revision}, Unchanged, nil
	}
	receipt, err := h.Log.Append(ctx, h.envelope(req, in.eventID, event, state), state.LastSequence)
	switch {
	case errors.Is(err, domain.ErrConflict):
		return Result{}, Conflict, err
	case err != nil:
		return Result{}, Failed, err
	}
	return h.applied(ctx, id, receipt)
}

// mayShowIn tells whether a state of the client may have come about by the very event that is intended: a repeat through
// another replica may have taken the key over and stored it, while this request waited for whatever it was. It has not
// where the state is older than the reservation.
func (in intent) mayShowIn(state domain.State, req Request) bool {
	switch {
	case in.known:
		return true
	case req.Key == "", req.ClientID == 0:
		return false
	default: // a client that is gone shows no sequence
		return state.LastSequence == 0 || state.LastSequence > in.after
	}
}

// clientID is the client that the command is about; a CreateClient without a reserved id takes a new one.
func (h *Handler) clientID(ctx context.Context, in intent) (int64, error) {
	if in.clientID != 0 {
		return in.clientID, nil
	}
	return h.IDs.NextID(ctx, h.Directory.HighestID())
}

// judge decides the command, provided that the caller knows the client's state as he says he does.
func judge(state domain.State, req Request) (domain.Event, error) {
	c := state.Client
	if req.IfMatch != nil && c.Exists() && !slices.Contains(req.IfMatch, c.Revision) {
		return nil, domain.ErrStale
	}
	return domain.Decide(c, state.References, req.Command)
}

// withID fills in what a CreateClient does not know when it is sent.
func withID(req Request, id int64, currency string) Request {
	if create, ok := req.Command.(domain.CreateClient); ok {
		create.ID, create.DefaultCurrency = id, currency
		req.Command = create
	}
	return req
}

// dependsOnState reports whether a newer state of the client could have led to another answer.
func dependsOnState(refusal error) bool {
	var e *domain.Error
	return !errors.As(refusal, &e) || e.Kind != domain.Invalid
}

func (h *Handler) envelope(req Request, eventID string, event domain.Event, state domain.State) domain.Envelope {
	return domain.Envelope{
		EventID:       eventID,
		Account:       req.Account,
		Event:         event,
		Version:       state.Client.Revision.Version + 1,
		Time:          h.Now(),
		Actor:         req.Actor,
		CorrelationID: req.CorrelationID,
		CausationID:   req.CausationID,
		Traceparent:   req.Traceparent,
	}
}

// applied waits until reads show the event. It is stored by then, so that a directory that does not get there in time
// makes reads late, not the command wrong.
func (h *Handler) applied(ctx context.Context, id int64, receipt domain.Receipt) (Result, Outcome, error) {
	_ = h.Directory.Await(ctx, receipt.Sequence)
	return Result{ClientID: id, Revision: receipt.Revision}, Applied, nil
}
