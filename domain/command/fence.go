package command

import (
	"context"
	"errors"
	"time"

	"clients/domain"
)

// Fence stands between what other services have said and what the directory shows of it.
type Fence interface {
	// Pass returns as soon as the directory shows everything about projects and invoices that had been acknowledged to
	// other services when Pass was called. It answers a domain.Unavailable when that cannot be told.
	Pass(ctx context.Context) error
}

// fenceLimit is how long a command waits for what other services have said to be taken in.
const fenceLimit = 5 * time.Second

var errBlocked = domain.Errorf(domain.Blocked, "")

// restsOnReferences reports whether a judgement could be another one for what other services have said of late: an
// event that a project may stand in the way of, or the refusal of one, whose project may be gone.
func restsOnReferences(event domain.Event, refusal error) bool {
	return domain.DependsOnReferences(event) || errors.Is(refusal, errBlocked)
}

// passFence is called by nobody who holds a client's turn: other commands on the client need not wait for it.
func (h *Handler) passFence(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fenceLimit)
	defer cancel()
	if err := h.Fence.Pass(ctx); err != nil {
		return unavailable(err)
	}
	return nil
}
