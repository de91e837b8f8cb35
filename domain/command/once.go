package command

import (
	"context"
	"errors"
	"time"

	"clients/domain"
)

// Keys remembers which idempotency key belongs to which request, for 24 hours and for all replicas.
type Keys interface {
	// Reserve answers the reservation that stands under the key; where there is none it stores the one that fresh
	// makes. mine tells whether that one stands.
	Reserve(ctx context.Context, account, key string, fresh func() (Reservation, error)) (standing Reservation, mine bool, err error)
	// TakeOver makes the reservation that stands the caller's, so that whom he takes it from cannot release it any
	// more. It answers a domain.Conflict when it does not stand as r any more.
	TakeOver(ctx context.Context, account, key string, r Reservation) (Reservation, error)
	// Settle stores the answer that requests with this key are to get from now on, unless the key belongs to another
	// request by now.
	Settle(ctx context.Context, account, key string, r Reservation) error
	// Release forgets the reservation. It answers a domain.Conflict when it does not stand as r any more.
	Release(ctx context.Context, account, key string, r Reservation) error
	// Standing answers the reservation that stands under the key, and whether there is one.
	Standing(ctx context.Context, account, key string) (Reservation, bool, error)
}

// Reservation holds what a request and its repeats share, so that they can never lead to two events.
type Reservation struct {
	Fingerprint string
	ClientID    int64
	EventID     string
	After       uint64  // the event's sequence is above this one
	Answer      *Result // nil while the request is under way, or was cut off
	Revision    uint64  // tells Keys whether it still stands as it was
}

// A repeat gives the request before it this long to end, and looks that often. After that it takes over: both then
// try to store the same event, and the stream keeps one.
const (
	patience = time.Second
	lookup   = 10 * time.Millisecond
)

// concludeGrace is how much longer than the command itself it may take to store what its key answers: the caller waits
// for that too, and it is known anyhow.
const concludeGrace = 200 * time.Millisecond

// handleOnce carries out a command at most once for its idempotency key. Whose reservation was taken over answers what the
// key answers by then. As long as that is nothing, what he has come to himself is true: he has looked for the event.
func (h *Handler) handleOnce(ctx context.Context, req Request) (Result, Outcome, error) {
	for {
		standing, mine, err := h.standing(ctx, req)
		if err != nil {
			return Result{}, Failed, err
		}
		if standing.Fingerprint != req.Fingerprint {
			return Result{}, Refused, domain.Errorf(domain.KeyReused, "The Idempotency-Key belongs to another request.")
		}
		if standing.Answer != nil {
			return *standing.Answer, Repeated, nil
		}
		if !mine {
			standing, err = h.Keys.TakeOver(ctx, req.Account, req.Key, standing)
			if errors.Is(err, domain.ErrConflict) {
				continue // it has ended after all, or somebody else has taken it over
			}
			if err != nil {
				return Result{}, Failed, err
			}
		}
		result, outcome, err := h.decide(ctx, req, intent{
			clientID: standing.ClientID, eventID: standing.EventID, after: standing.After, known: !mine,
		})
		taken := outcome == Failed && errors.Is(err, domain.ErrConflict) && req.ClientID == 0
		kept := h.conclude(ctx, req, standing, result, outcome, taken)
		overtaken := errors.Is(kept, domain.ErrConflict)
		switch {
		case kept != nil && !overtaken:
			return Result{}, Failed, kept
		case taken && ctx.Err() == nil:
			continue // with another id, or to what the key answers
		case taken && overtaken:
			return Result{}, Failed, unavailable(ctx.Err())
		case overtaken:
			return h.answered(ctx, req, result, outcome, err)
		default:
			return result, outcome, err
		}
	}
}

// answered is what the key answers, or else what this request has come to.
func (h *Handler) answered(ctx context.Context, req Request, result Result, outcome Outcome, refusal error) (Result, Outcome, error) {
	ctx, cancel := concluding(ctx)
	defer cancel()
	standing, found, err := h.Keys.Standing(ctx, req.Account, req.Key)
	switch {
	case err != nil:
		return Result{}, Failed, err
	case found && standing.Answer != nil && standing.Fingerprint == req.Fingerprint:
		return *standing.Answer, Repeated, nil
	default:
		return result, outcome, refusal
	}
}

// concluding is the time that what remains to be done about a key may take: what is left of the command's, and some more.
func concluding(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := concludeGrace
	if deadline, ok := ctx.Deadline(); ok {
		limit += max(0, time.Until(deadline))
	}
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}

// conclude makes the key answer what the command led to, or makes it free again where that is nothing: the command was
// refused, changed nothing, or the id reserved for a new client is taken, and another one may do. It answers a
// domain.Conflict where somebody else has taken the reservation over, and may have come to something else.
func (h *Handler) conclude(ctx context.Context, req Request, r Reservation, result Result, outcome Outcome, taken bool) error {
	ctx, cancel := concluding(ctx)
	defer cancel()
	switch {
	case outcome == Applied:
		r.Answer = &result
		// When this fails, the next request with the key finds the event in the stream.
		_ = h.Keys.Settle(ctx, req.Account, req.Key, r)
	case outcome == Refused, outcome == Unchanged, taken:
		return h.Keys.Release(ctx, req.Account, req.Key, r)
	}
	return nil
}

// reservation is what this request would reserve.
func (h *Handler) reservation(ctx context.Context, req Request) (Reservation, error) {
	r := Reservation{Fingerprint: req.Fingerprint, ClientID: req.ClientID, EventID: h.NewEventID(), After: h.Directory.Sequence()}
	var err error
	if r.ClientID == 0 {
		r.ClientID, err = h.IDs.NextID(ctx, h.Directory.HighestID())
	}
	return r, err
}

// standing reserves the key, or waits for the request that has it to end.
func (h *Handler) standing(ctx context.Context, req Request) (Reservation, bool, error) {
	fresh := func() (Reservation, error) { return h.reservation(ctx, req) }
	tick := time.NewTicker(lookup)
	defer tick.Stop()
	for deadline := h.Now().Add(patience); ; {
		standing, mine, err := h.Keys.Reserve(ctx, req.Account, req.Key, fresh)
		if err != nil || mine || standing.Answer != nil || standing.Fingerprint != req.Fingerprint || h.Now().After(deadline) {
			return standing, mine, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return Reservation{}, false, unavailable(ctx.Err())
		}
	}
}
