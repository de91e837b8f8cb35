package command

import (
	"context"
	"errors"
	"slices"
	"time"

	"clients/domain"
)

// intent is what the attempts to carry out one command have in common.
type intent struct {
	clientID      int64 // 0: each attempt takes a new one
	eventID       string
	claim         *claim // on the idempotency record; nil without a key
	passedBarrier bool   // the command has passed the read barrier
	conflicted    bool   // an earlier attempt ended with a conflict
}

// Outcomes within this package: none of them is the end of the command.
const (
	notStored    Outcome = "not stored"    // no event of the claim is stored: the command can be decided
	needsBarrier Outcome = "needs barrier" // it cannot be decided yet: execute passes the read barrier and tries again
	idTaken      Outcome = "id taken"      // the reserved id is another client's: executeOnce claims another one
	claimLost    Outcome = "claim lost"    // another request has taken the idempotency record over: finish returns the result of that request
)

// barrierLimit is how long a command waits for the read barrier.
const barrierLimit = 5 * time.Second

// execute carries out the command. If the decision depends on projects and invoices, it passes the read barrier first. The
// mutex of the client is not held meanwhile.
func (h *Handler) execute(ctx context.Context, req Request, in intent) (Result, Outcome, error) {
	result, outcome, err := h.tryUntilFresh(ctx, req, in)
	if outcome != needsBarrier {
		return result, outcome, err
	}
	background := context.WithoutCancel(ctx)
	ctx, cancel := context.WithTimeout(background, barrierLimit)
	defer cancel()
	if err := h.Barrier.Wait(ctx); err != nil {
		return Result{}, Failed, unavailable(err)
	}
	ctx, cancel = context.WithTimeout(background, timeLimit)
	defer cancel()
	in.passedBarrier = true
	return h.tryUntilFresh(ctx, req, in)
}

// tryUntilFresh tries the command until there is no conflict, and until an outcome that depends on the client's state
// rests on a directory that is as new as the request.
func (h *Handler) tryUntilFresh(ctx context.Context, req Request, in intent) (Result, Outcome, error) {
	if in.clientID != 0 {
		unlock, err := h.mutex.lock(ctx, mutexKey{req.Account, in.clientID})
		if err != nil {
			return Result{}, Failed, unavailable(err)
		}
		defer unlock()
	}
	fresh := false
	for conflicts := 0; conflicts < maxAttempts; {
		result, outcome, err := h.tryOnce(ctx, req, in)
		dependsOnState := outcome == Unchanged || outcome == Refused && domain.KindOf(err) != domain.Invalid
		switch {
		case outcome == Conflict:
			h.Observe(Conflict)
			conflicts++
			in.conflicted = true
			backoff(ctx, conflicts)
		case fresh || !dependsOnState:
			return result, outcome, err
		}
		if err := h.refresh(ctx); err != nil {
			return Result{}, Failed, unavailable(err)
		}
		fresh = true
	}
	return Result{}, Failed, domain.ErrConflict
}

// refresh refreshes the directory, and tries again until ctx ends: while a stream elects a leader there is no response.
func (h *Handler) refresh(ctx context.Context) error {
	for failures := 1; ; failures++ {
		err := h.Directory.Refresh(ctx)
		if err == nil || ctx.Err() != nil || h.Directory.Err() != nil {
			return err
		}
		backoff(ctx, failures)
	}
}

// tryOnce decides the command on the state that the directory shows, and appends the event.
func (h *Handler) tryOnce(ctx context.Context, req Request, in intent) (Result, Outcome, error) {
	id, err := h.clientID(ctx, req, in.clientID)
	if err != nil {
		return Result{}, failure(err), err
	}
	state := h.Directory.State(req.Account, id)
	if in.claim != nil { // looked up after the state was read: the append fails on anything stored later
		if result, outcome, err := h.findStored(ctx, req, in, state); outcome != notStored {
			return result, outcome, err
		}
	}
	event, err := h.decide(state, req, id)
	switch {
	case !in.passedBarrier && (domain.DependsOnReferences(event) || domain.KindOf(err) == domain.Blocked):
		return Result{}, needsBarrier, nil
	case errors.Is(err, domain.ErrConflict):
		return Result{}, Conflict, err
	case err != nil:
		return Result{}, Refused, err
	case event == nil:
		return Result{ClientID: id, Revision: state.Client.Revision}, Unchanged, nil
	}
	return h.append(ctx, req, in, event, state)
}

// findStored looks for the event of the claim among the client's messages up to state: a retry through another replica may have
// stored it. The log is only read if what is known of the client makes that possible.
func (h *Handler) findStored(ctx context.Context, req Request, in intent, state domain.State) (Result, Outcome, error) {
	creates := req.ClientID == 0
	taken := creates && h.Directory.Taken(in.clientID)
	possible := state.LastSequence > in.claim.record.After || state.LastSequence == 0 // a deleted client has none
	if creates {
		possible = taken || in.conflicted // otherwise nothing is known to have the new id
	}
	if !possible {
		return Result{}, notStored, nil
	}
	stored, found, err := h.Log.Find(ctx, in.claim.lookup(state.LastSequence))
	switch {
	case err != nil:
		return Result{}, Failed, err
	case found:
		return h.applied(ctx, in.clientID, stored), Applied, nil
	case taken, creates && stored.Sequence != 0: // by another client, or by a foreign message
		return Result{}, idTaken, domain.ErrConflict
	}
	return Result{}, notStored, nil
}

// append stores the event that was decided on state. It is refused if the client has a newer one.
func (h *Handler) append(ctx context.Context, req Request, in intent, event domain.Event, state domain.State) (Result, Outcome, error) {
	var lease []domain.Lease
	if in.claim != nil {
		lease = []domain.Lease{in.claim}
	}
	stored, err := h.Log.Append(ctx, domain.Envelope{
		EventID:       in.eventID,
		Account:       req.Account,
		Event:         event,
		Version:       state.Client.Revision.Version + 1,
		Time:          h.Now(),
		Actor:         req.Actor,
		CorrelationID: req.CorrelationID,
		CausationID:   req.CausationID,
		Traceparent:   req.Traceparent,
	}, state.LastSequence, lease...)
	switch {
	case errors.Is(err, errClaimLost):
		return Result{}, claimLost, err
	case errors.Is(err, domain.ErrConflict):
		return Result{}, Conflict, err
	case err != nil:
		return Result{}, Failed, err
	}
	return h.applied(ctx, event.Client(), stored), Applied, nil
}

// clientID returns known, or a new id if that is 0 and the command is not refused under any id.
func (h *Handler) clientID(ctx context.Context, req Request, known int64) (int64, error) {
	if known != 0 {
		return known, nil
	}
	if _, err := h.decide(domain.State{}, req, 0); err != nil {
		return 0, err
	}
	return h.IDs.NextID(ctx, h.Directory.HighestID())
}

// decide returns the event that the command leads to, provided that the client has a revision that the caller names.
func (h *Handler) decide(state domain.State, req Request, id int64) (domain.Event, error) {
	c := state.Client
	if req.IfMatch != nil && c.Exists() && !slices.Contains(req.IfMatch, c.Revision) {
		return nil, domain.ErrStale
	}
	command := req.Command
	if create, ok := command.(domain.CreateClient); ok {
		create.ID, create.DefaultCurrency = id, h.DefaultCurrency
		command = create
	}
	return domain.Decide(c, state.References, command)
}

// applied waits until reads show an event. The event is stored already: if the directory is late, so are reads.
func (h *Handler) applied(ctx context.Context, id int64, stored domain.AppendResult) Result {
	_ = h.Directory.Await(ctx, stored.Sequence)
	return Result{ClientID: id, Revision: stored.Revision}
}
