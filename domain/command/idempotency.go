package command

import (
	"context"
	"errors"
	"time"

	"clients/domain"
)

const (
	// takeOverAfter is how long a record must be unchanged before a retry takes it over.
	takeOverAfter = time.Second
	// pollInterval is how often a retry reads the record that it waits for.
	pollInterval = 10 * time.Millisecond
	// lateStore is how long after the last change of a record its event may be stored. A sender confirms its claim less
	// than a second before it sends; the rest is for slow links and for servers whose clocks differ.
	lateStore = 10 * time.Minute
	// finishGrace is how much longer than the command it may take to complete or release its record. The caller waits.
	finishGrace = 200 * time.Millisecond
)

// executeOnce carries out a command that has an idempotency key. See the package comment.
func (h *Handler) executeOnce(ctx context.Context, req Request) (Result, Outcome, error) {
	for {
		c, err := h.claim(ctx, req)
		switch {
		case err != nil:
			return Result{}, failure(err), err
		case c.record.Result != nil:
			return resultOf(c.record), Duplicate, nil
		}
		result, outcome, err := h.execute(ctx, req, intent{clientID: c.record.ClientID, eventID: c.record.EventID, claim: c})
		result, outcome, err = h.finish(ctx, c, result, outcome, err)
		switch {
		case outcome != idTaken:
			return result, outcome, err
		case ctx.Err() != nil:
			return Result{}, Failed, unavailable(ctx.Err())
		}
	}
}

// claim returns a claim on the key. If the record of the claim has a result, that is the result of the request.
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

// awaitClaim claims the key. If it has a record already, awaitClaim waits until that is completed or released, or has not
// changed for takeOverAfter.
//
// A record of this request may have been stored without its knowledge, and be taken over and released by the time it
// learns that. Then it has lost its key to a request that was refused, and must not store anything.
func (h *Handler) awaitClaim(ctx context.Context, req Request) (*claim, error) {
	var eventID string // of this request's record
	create := func() (domain.IdempotencyRecord, error) {
		r, err := h.newRecord(ctx, req)
		eventID = r.EventID
		return r, err
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var seen uint64
	for since := h.Now(); ; {
		c := &claim{Handler: h, account: req.Account, key: req.Key, confirmed: h.Now()}
		r, own, err := h.Records.Claim(ctx, req.Account, req.Key, create)
		c.record, c.shared = r, !own
		switch {
		case err == nil && !own && r.Released && r.EventID == eventID:
			return nil, takenOver(errClaimLost)
		case err != nil, own, r.Result != nil, r.Released, r.Fingerprint != req.Fingerprint:
			return c, err
		case r.Revision != seen:
			seen, since = r.Revision, h.Now()
		case h.Now().Sub(since) > takeOverAfter:
			return c, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, unavailable(ctx.Err())
		}
	}
}

// newRecord returns the record of the first request with its key.
func (h *Handler) newRecord(ctx context.Context, req Request) (domain.IdempotencyRecord, error) {
	r := domain.IdempotencyRecord{Fingerprint: req.Fingerprint, EventID: h.NewEventID(), After: h.Directory.Sequence()}
	var err error
	r.ClientID, err = h.clientID(ctx, req, req.ClientID)
	return r, err
}

// finish completes the record of a command that stored an event, and releases the record of one that did not. If the
// outcome is unknown, the record is left to the next retry.
func (h *Handler) finish(ctx context.Context, c *claim, result Result, outcome Outcome, cause error) (Result, Outcome, error) {
	limit := finishGrace
	if deadline, ok := ctx.Deadline(); ok {
		limit += max(0, time.Until(deadline))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	var err error
	switch outcome {
	case Applied:
		_ = c.complete(ctx, result) // if this fails, the next request with the key finds the event in the stream
	case Refused, Unchanged:
		err = c.release(ctx)
	case idTaken: // no request can store anything of this key under that id
		err = h.Records.Release(ctx, c.account, c.key, c.record)
	case claimLost:
		err = domain.ErrConflict
	}
	switch {
	case errors.Is(err, domain.ErrConflict):
		return h.afterLoss(ctx, c, result, outcome, cause)
	case err != nil:
		return Result{}, Failed, err
	}
	return result, outcome, cause
}

// afterLoss returns the outcome of a request that has lost its record: the result of the record if it has one, otherwise
// its own refusal. The request must not store anything any more.
func (h *Handler) afterLoss(ctx context.Context, c *claim, result Result, outcome Outcome, cause error) (Result, Outcome, error) {
	r, found, err := h.Records.Read(ctx, c.account, c.key)
	switch {
	case err != nil:
		return Result{}, Failed, err
	case found && r.Result != nil && r.Fingerprint == c.record.Fingerprint:
		return resultOf(r), Duplicate, nil
	case outcome == Refused, outcome == Unchanged:
		return result, outcome, cause
	case errors.Is(cause, domain.ErrUnknownOutcome):
		return Result{}, Failed, cause
	}
	return Result{}, Failed, takenOver(cause)
}

// takenOver returns the error of a request that has lost its record.
func takenOver(cause error) error {
	err := domain.Errorf(domain.Unavailable, "A later request with the same Idempotency-Key has taken over.")
	err.Cause = cause
	return err
}

// resultOf returns the result that a record holds.
func resultOf(r domain.IdempotencyRecord) Result {
	return Result{ClientID: r.ClientID, Revision: *r.Result}
}
