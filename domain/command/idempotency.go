package command

import (
	"context"
	"errors"
	"time"

	"clients/domain"
)

// A retry takes a record over that has not changed for so long, and looks that often.
const (
	patience = time.Second
	lookup   = 10 * time.Millisecond
)

// lateStore is how long after its record was last stored an event may be stored. A sender confirms its claim less than a
// second before it sends; the rest is for messages on their way and for servers whose clocks differ.
const lateStore = 10 * time.Minute

// concludeGrace is how much longer than the command itself it may take to complete its record: the caller waits for that.
const concludeGrace = 200 * time.Millisecond

// executeOnce carries out a command that has an idempotency key. See the package comment.
func (h *Handler) executeOnce(ctx context.Context, req Request) (Result, Outcome, error) {
	for {
		c, err := h.claim(ctx, req)
		if err != nil {
			return Result{}, failure(err), err
		}
		if c.record.Result != nil {
			return resultOf(c.record), Repeated, nil
		}
		result, outcome, err := h.execute(ctx, req, intent{clientID: c.record.ClientID, eventID: c.record.EventID, claim: c})
		concluded := h.conclude(ctx, c, result, outcome)
		switch {
		case errors.Is(concluded, domain.ErrConflict), outcome == keyLost:
			return h.afterLoss(ctx, c, result, outcome, err)
		case concluded != nil:
			return Result{}, Failed, concluded
		case outcome == idTaken && ctx.Err() == nil:
			continue // with another id
		case outcome == idTaken:
			return Result{}, Failed, unavailable(ctx.Err())
		default:
			return result, outcome, err
		}
	}
}

// claim returns a claim on the key, or one whose record has the answer.
func (h *Handler) claim(ctx context.Context, req Request) (*claim, error) {
	for {
		c, err := h.awaitClaim(ctx, req)
		switch {
		case err != nil:
			return nil, err
		case c.record.Fingerprint != req.Fingerprint:
			return nil, domain.Errorf(domain.KeyReused, "The Idempotency-Key belongs to another request.")
		case !c.shared || c.record.Result != nil:
			return c, nil
		}
		if err = c.takeOver(ctx); !errors.Is(err, domain.ErrConflict) {
			return c, err
		}
	}
}

// awaitClaim claims the key. Where it has a record already, it waits for that to be completed or released, and no longer
// than patience for a record that does not change.
func (h *Handler) awaitClaim(ctx context.Context, req Request) (*claim, error) {
	fresh := func() (domain.IdempotencyRecord, error) { return h.reservation(ctx, req) }
	tick := time.NewTicker(lookup)
	defer tick.Stop()
	var seen uint64
	for since := h.Now(); ; {
		c := &claim{handler: h, account: req.Account, key: req.Key, confirmed: h.Now()}
		var own bool
		var err error
		c.record, own, err = h.Keys.Claim(ctx, req.Account, req.Key, fresh)
		c.shared = !own
		r := c.record
		switch {
		case err != nil, own, r.Result != nil, r.Released, r.Fingerprint != req.Fingerprint:
			return c, err
		case r.Revision != seen:
			seen, since = r.Revision, h.Now()
		case h.Now().Sub(since) > patience:
			return c, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, unavailable(ctx.Err())
		}
	}
}

// reservation is the record of a request that is the first with its key.
func (h *Handler) reservation(ctx context.Context, req Request) (domain.IdempotencyRecord, error) {
	r := domain.IdempotencyRecord{Fingerprint: req.Fingerprint, ClientID: req.ClientID, EventID: h.NewEventID(), After: h.Directory.Sequence()}
	var err error
	if r.ClientID == 0 {
		r.ClientID, err = h.newID(ctx, req)
	}
	return r, err
}

// resultOf returns the result that a record holds.
func resultOf(r domain.IdempotencyRecord) Result {
	return Result{ClientID: r.ClientID, Revision: *r.Result}
}

// conclude completes the record of a command that led to an event, and releases that of one that did not. Of an outcome
// that is not known it leaves the record to the next retry. The error is a domain.Conflict when the key is lost.
func (h *Handler) conclude(ctx context.Context, c *claim, result Result, outcome Outcome) error {
	ctx, cancel := concluding(ctx)
	defer cancel()
	switch outcome {
	case Applied:
		_ = c.complete(ctx, result) // when this fails, the next request with the key finds the event in the stream
	case Refused, Unchanged:
		return c.release(ctx)
	case idTaken: // under that id nothing of this key can be stored, by any request
		return h.Keys.Release(ctx, c.account, c.key, c.record)
	}
	return nil
}

// afterLoss returns the answer of the key's record to a request that has lost its key. While there is none, its own refusal
// stands; what it has not stored it must not store any more.
func (h *Handler) afterLoss(ctx context.Context, c *claim, result Result, outcome Outcome, cause error) (Result, Outcome, error) {
	ctx, cancel := concluding(ctx)
	defer cancel()
	r, found, err := h.Keys.Read(ctx, c.account, c.key)
	switch {
	case err != nil:
		return Result{}, Failed, err
	case found && r.Result != nil && r.Fingerprint == c.record.Fingerprint:
		return resultOf(r), Repeated, nil
	case outcome == Refused, outcome == Unchanged:
		return result, outcome, cause
	case errors.Is(cause, domain.ErrUnknownOutcome):
		return Result{}, Failed, cause
	default:
		return Result{}, Failed, &domain.Error{
			Kind: domain.Unavailable, Message: "A later request with the same Idempotency-Key has taken over.", Cause: cause,
		}
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
