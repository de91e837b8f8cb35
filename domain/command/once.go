package command

import (
	"context"
	"errors"
	"time"

	"clients/domain"
)

// Keys remembers which idempotency key belongs to which request, for 24 hours and for all replicas.
type Keys interface {
	// Reserve stores r under the key unless there is a reservation already; it answers the one that stands.
	// mine tells whether that is r.
	Reserve(ctx context.Context, account, key string, r Reservation) (standing Reservation, mine bool, err error)
	// Settle stores the answer that requests with this key are to get from now on.
	Settle(ctx context.Context, account, key string, r Reservation) error
	// Release forgets the reservation.
	Release(ctx context.Context, account, key string) error
}

// Reservation holds what a request and its repeats share, so that they can never lead to two events.
type Reservation struct {
	Fingerprint string  `json:"fingerprint"`
	ClientID    int64   `json:"client_id"`
	EventID     string  `json:"event_id"`
	After       uint64  `json:"after"`            // the event's sequence is above this one
	Answer      *Result `json:"answer,omitempty"` // nil while the request is under way, or was cut off
}

// A repeat gives the request before it this long to end, and looks that often. After that it takes over: both then
// try to store the same event, and the stream keeps one.
const (
	patience = time.Second
	lookup   = 10 * time.Millisecond
)

// handleOnce carries out a command at most once for its idempotency key.
func (h *Handler) handleOnce(ctx context.Context, req Request) (Result, Outcome, error) {
	for {
		own, err := h.reservation(ctx, req)
		if err != nil {
			return Result{}, Failed, err
		}
		standing, mine, err := h.standing(ctx, req, own)
		if err != nil {
			return Result{}, Failed, err
		}
		if standing.Fingerprint != own.Fingerprint {
			return Result{}, Refused, domain.Errorf(domain.KeyReused, "The Idempotency-Key belongs to another request.")
		}
		if standing.Answer != nil {
			return *standing.Answer, Repeated, nil
		}
		result, outcome, err := h.decide(ctx, req, intent{
			clientID: standing.ClientID, eventID: standing.EventID, after: standing.After, known: !mine,
		})
		switch outcome {
		case Applied:
			standing.Answer = &result
			// When this fails, the next request with the key finds the event in the stream.
			_ = h.Keys.Settle(context.WithoutCancel(ctx), req.Account, req.Key, standing)
		case Refused, Unchanged:
			if err := h.Keys.Release(context.WithoutCancel(ctx), req.Account, req.Key); err != nil {
				return Result{}, Failed, err
			}
		case Failed:
			if errors.Is(err, domain.ErrConflict) && req.ClientID == 0 {
				// The reserved id turned out to be taken; with another one the command may still succeed.
				if err := h.Keys.Release(ctx, req.Account, req.Key); err != nil {
					return Result{}, Failed, err
				}
				continue
			}
		}
		return result, outcome, err
	}
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
func (h *Handler) standing(ctx context.Context, req Request, own Reservation) (Reservation, bool, error) {
	tick := time.NewTicker(lookup)
	defer tick.Stop()
	for deadline := h.Now().Add(patience); ; {
		standing, mine, err := h.Keys.Reserve(ctx, req.Account, req.Key, own)
		if err != nil || mine || standing.Answer != nil || standing.Fingerprint != own.Fingerprint || h.Now().After(deadline) {
			return standing, mine, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return Reservation{}, false, unavailable(ctx.Err())
		}
	}
}
