// Package command carries a command from the caller's wish to the stored event: it finds the client's state, has
// domain.Decide judge it, appends the event under the condition that the state is still the last one, and waits until
// reads show it.
package command

import (
	"context"
	"errors"
	"time"

	"clients/domain"
)

// Handler handles commands. Any number of goroutines and of replicas may do so at once: of two commands on the same
// state of a client exactly one is stored, and the other is decided again.
type Handler struct {
	Log             Log
	Directory       Directory
	IDs             IDs
	Keys            Keys
	Fence           Fence
	DefaultCurrency string
	NewEventID      func() string
	Now             func() time.Time
	Observe         func(Outcome) // told how each decision ended; may be nil

	turns turns
}

// Outcome is how a command ended.
type Outcome string

// The ways in which a command can end.
const (
	Applied   Outcome = "applied"
	Unchanged Outcome = "unchanged"
	Repeated  Outcome = "repeated" // an earlier request with the same idempotency key was answered again
	Refused   Outcome = "refused"
	Conflict  Outcome = "conflict" // lost a race and is decided again
	Failed    Outcome = "failed"
)

// Outcomes are all of them.
func Outcomes() []Outcome { return []Outcome{Applied, Unchanged, Repeated, Refused, Conflict, Failed} }

// Request is a command together with who sends it and under which conditions.
type Request struct {
	Account  string
	ClientID int64 // 0 for a CreateClient
	Command  domain.Command
	// IfMatch, unless nil, holds the revisions of which the client must have one.
	IfMatch []domain.Revision

	Actor         string
	CorrelationID string
	CausationID   string
	Traceparent   string

	Key         string // idempotency key, "" for none
	Fingerprint string // tells requests under the same key apart
}

// Result is what a command led to.
type Result struct {
	ClientID int64
	Revision domain.Revision
}

// timeLimit bounds a command. Together with concludeGrace it lets its caller hear of a store that does not answer in well
// under 3 s. One that has to pass the fence has as much time again behind it.
const timeLimit = 2400 * time.Millisecond

// Longest is how long a command may be under way at most.
const Longest = timeLimit + fenceLimit + timeLimit + concludeGrace

// Handle carries out a command. When it answers without error, its event is on disk and visible in the directory.
// A command that changes nothing answers the client's present revision and stores nothing. Errors are of type
// *domain.Error.
//
// The command goes on when the caller goes away: one that has said all that he wants to say may look like one who has.
func (h *Handler) Handle(ctx context.Context, req Request) (Result, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeLimit)
	defer cancel()
	result, outcome, err := h.handle(ctx, req)
	h.observe(outcome)
	return result, err
}

func (h *Handler) handle(ctx context.Context, req Request) (Result, Outcome, error) {
	if err := h.Directory.Err(); err != nil { // what has happened since is not known
		return Result{}, Failed, &domain.Error{Kind: domain.Unavailable, Message: "Nothing can be changed at the moment.", Cause: err}
	}
	if req.Key != "" {
		return h.handleOnce(ctx, req)
	}
	return h.decide(ctx, req, intent{clientID: req.ClientID, eventID: h.NewEventID()})
}

func (h *Handler) observe(outcome Outcome) {
	if h.Observe != nil {
		h.Observe(outcome)
	}
}

// unavailable makes an answer of an error that says nothing to the caller.
func unavailable(err error) error {
	var e *domain.Error
	if errors.As(err, &e) {
		return err
	}
	return domain.NoStore(err)
}
