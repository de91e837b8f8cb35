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
	claim    *claim // on the idempotency key; nil without one
	fenced   bool   // the directory shows what other services had said when the command came
}

// Outcomes that do not leave this package.
const (
	unfenced Outcome = "unfenced" // the command has to pass the fence before it can be decided
	idTaken  Outcome = "id taken" // the reserved id is another client's
	keyLost  Outcome = "key lost" // another request has taken the key over
)

// execute carries out the command, and once more behind the fence where it turns out to rest on what other services hold.
func (h *Handler) execute(ctx context.Context, req Request, in intent) (Result, Outcome, error) {
	result, outcome, err := h.tryInTurn(ctx, req, in)
	if outcome != unfenced {
		return result, outcome, err
	}
	if err := h.passFence(context.WithoutCancel(ctx)); err != nil {
		return Result{}, Failed, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeLimit)
	defer cancel()
	in.fenced = true
	return h.tryInTurn(ctx, req, in)
}

// tryInTurn tries again after a conflict, and until the outcome rests on a directory that is as new as the request.
func (h *Handler) tryInTurn(ctx context.Context, req Request, in intent) (Result, Outcome, error) {
	if in.clientID != 0 {
		done, err := h.turns.take(ctx, owned{req.Account, in.clientID})
		if err != nil {
			return Result{}, Failed, unavailable(err)
		}
		defer done()
	}
	fresh := false
	for lost := 0; lost < maxAttempts; {
		result, outcome, err := h.tryOnce(ctx, req, in)
		switch {
		case outcome == Conflict:
			h.observe(Conflict)
			lost++
			pauseAfterLoss(ctx, lost)
		case fresh || !dependsOnState(outcome, err):
			return result, outcome, err
		}
		if err := h.Directory.Refresh(ctx); err != nil {
			return Result{}, Failed, unavailable(err)
		}
		fresh = true
	}
	return Result{}, Failed, domain.ErrConflict
}

// dependsOnState reports whether a newer state of the client could lead to another outcome.
func dependsOnState(outcome Outcome, err error) bool {
	return outcome == Unchanged || outcome == Refused && !isKind(err, domain.Invalid)
}

// tryOnce decides the command on what the directory shows, and appends the event that it leads to.
func (h *Handler) tryOnce(ctx context.Context, req Request, in intent) (Result, Outcome, error) {
	id, err := h.clientID(ctx, req, in)
	if err != nil {
		return Result{}, failure(err), err
	}
	state := h.Directory.State(req.Account, id)
	taken := req.ClientID == 0 && in.claim != nil && h.Directory.Taken(id)
	if in.mayShowIn(state, taken, req) { // asked after the state was read: what is stored later than that makes the append fail
		receipt, found, err := h.Log.Find(ctx, in.claim.lookup(state.LastSequence))
		if err != nil {
			return Result{}, Failed, err
		}
		if found {
			return h.applied(ctx, id, receipt)
		}
	}
	if taken {
		return Result{}, idTaken, domain.ErrConflict
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
	return h.append(ctx, req, in, event, state)
}

// append stores the event that was decided on state, which the stream refuses on a newer one.
func (h *Handler) append(ctx context.Context, req Request, in intent, event domain.Event, state domain.State) (Result, Outcome, error) {
	var hold []domain.Lease
	if in.claim != nil {
		hold = []domain.Lease{in.claim}
	}
	receipt, err := h.Log.Append(ctx, h.envelope(req, in.eventID, event, state), state.LastSequence, hold...)
	switch {
	case errors.Is(err, errKeyLost):
		return Result{}, keyLost, err
	case errors.Is(err, domain.ErrConflict):
		return Result{}, Conflict, err
	case err != nil:
		return Result{}, Failed, err
	}
	return h.applied(ctx, event.Client(), receipt)
}

// mayShowIn reports whether a state of the client may have come about by the very event that is intended, which a retry
// through another replica may have stored. It has not where the state is older than the claim.
func (in intent) mayShowIn(state domain.State, taken bool, req Request) bool {
	switch {
	case in.claim == nil:
		return false
	case req.ClientID == 0:
		return taken
	default: // a client that is gone shows no sequence
		return state.LastSequence == 0 || state.LastSequence > in.claim.after()
	}
}

// clientID returns the client that the command is about. A CreateClient without a reserved id takes a new one.
func (h *Handler) clientID(ctx context.Context, req Request, in intent) (int64, error) {
	if in.clientID != 0 {
		return in.clientID, nil
	}
	return h.newID(ctx, req)
}

// newID takes an id for a CreateClient, unless the command is refused under any id.
func (h *Handler) newID(ctx context.Context, req Request) (int64, error) {
	if _, err := judge(domain.State{}, withID(req, 0, h.DefaultCurrency)); err != nil {
		return 0, err
	}
	return h.IDs.NextID(ctx, h.Directory.HighestID())
}

// judge decides the command, provided that the client has a revision that the caller names.
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
func (h *Handler) applied(ctx context.Context, id int64, receipt domain.AppendResult) (Result, Outcome, error) {
	_ = h.Directory.Await(ctx, receipt.Sequence)
	return Result{ClientID: id, Revision: receipt.Revision}, Applied, nil
}

// failure is the outcome of a command that ended with err before anything was sent.
func failure(err error) Outcome {
	var e *domain.Error
	if errors.As(err, &e) && e.Kind != domain.Unavailable {
		return Refused
	}
	return Failed
}

func isKind(err error, kind domain.Kind) bool {
	var e *domain.Error
	return errors.As(err, &e) && e.Kind == kind
}
