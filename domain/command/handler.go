// Package command carries out commands: it reads the client's state, lets domain.Decide decide, appends the event provided
// that the state is still the last one, and waits until reads show it.
//
//	Handle → execute, or executeOnce with an idempotency key → tryOnce → domain.Decide → append
//
// A conflict means that another event of the client was stored first; the command is then decided again on the newer
// state, after a random backoff. Commands on one client wait for each other in a keyed mutex. A decision that depends on
// projects and invoices is repeated behind the read barrier, see Barrier.
//
// # Idempotency keys
//
// A key has a record: the fingerprint of its request, its client, the id of its event, and a sequence that the event is
// after. The first request claims the key by creating the record. A retry takes the record over when it was released or
// has not changed for a second (takeOverAfter). The request that stores the event completes the record with the result; a
// request that ends without an event releases it. Each step is conditional on the revision of the record that it
// replaces. One key never leads to two events:
//
//  1. All requests of a record share its event id. Before a request appends, it looks for an event with that id up to the
//     state of the client that it decides on; and the append fails if the client has an event after that state. So the
//     event is stored once.
//  2. A record is removed only by the single request that ever had it, once all its appends were refused, or when its
//     reserved client id is another client's. Nothing of the record can be stored then. A record that was taken over is
//     kept: for 24 hours after its last change its event id is the only one of the key.
//  3. A request confirms its claim, by storing the record once more, if the last confirmation is more than half a second
//     (claimLife) old when it is about to send its event. If it has lost the claim it stops. A retry does not take over
//     within a second after a confirmation, so its decision, a refusal included, is final for the request before it.
//
// # What is not guaranteed
//
// An event that spends more than half a second between the look at the clock and the stream, on a slow link or in a
// process that is stopped just there, may be stored after its retry was refused, unless the client has changed meanwhile;
// further retries return its result. After lateStore a retry does not find such an event, and after 24 hours the key may
// belong to another event. Releases before this protocol do not confirm their claims and remove records that they took
// over.
package command

import (
	"cmp"
	"context"
	"errors"
	"time"

	"clients/domain"
)

// Handler handles commands. It is safe for concurrent use, also by several replicas: of two commands on the same state of a
// client exactly one is stored, and the other is decided again.
type Handler struct {
	Log             Log
	Directory       Directory
	IDs             IDs
	Records         Records
	Barrier         Barrier
	DefaultCurrency string
	NewEventID      func() string
	Now             func() time.Time
	Observe         func(Outcome) // called with the outcome of each decision
	Writable        func() error  // returns why nothing can be stored at the moment

	mutex keyedMutex
}

// Outcome is how a command ended.
type Outcome string

// The outcomes.
const (
	Applied   Outcome = "applied"
	Unchanged Outcome = "unchanged"
	Duplicate Outcome = "repeated" // the result of an earlier request with the same idempotency key
	Refused   Outcome = "refused"
	Conflict  Outcome = "conflict" // is decided again
	Failed    Outcome = "failed"
)

// Outcomes returns all outcomes.
func Outcomes() []Outcome { return []Outcome{Applied, Unchanged, Duplicate, Refused, Conflict, Failed} }

// Request is a command with its sender and its conditions.
type Request struct {
	Account  string
	ClientID int64 // 0 for a CreateClient
	Command  domain.Command
	// IfMatch, unless nil, holds the revisions that the client may have.
	IfMatch []domain.Revision

	Actor         string
	CorrelationID string
	CausationID   string
	Traceparent   string

	Key         string // idempotency key, "" for none
	Fingerprint string // distinguishes requests with the same key
}

// Result is the client after a command.
type Result struct {
	ClientID int64
	Revision domain.Revision
}

// timeLimit bounds a command. Together with finishGrace it lets the caller learn in well under 3 s that the store does not
// respond. A command that waits for the read barrier has as much time again after it.
const timeLimit = 2400 * time.Millisecond

// Handle carries out a command. If it returns no error, the event is on disk and visible in the directory. For a command
// that changes nothing, Handle stores nothing and returns the client's present revision. Errors are of type *domain.Error;
// one that wraps domain.ErrUnknownOutcome means that the event may have been stored.
//
// The command continues if ctx is cancelled: a caller that has closed its sending side looks like one that has gone away.
func (h *Handler) Handle(ctx context.Context, req Request) (Result, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeLimit)
	defer cancel()
	var result Result
	var outcome Outcome
	err := h.writable()
	switch {
	case err != nil:
		outcome = Failed
	case req.Key != "":
		result, outcome, err = h.executeOnce(ctx, req)
	default:
		result, outcome, err = h.execute(ctx, req, intent{clientID: req.ClientID, eventID: h.NewEventID()})
	}
	h.Observe(outcome)
	if outcome == Failed && !errors.Is(err, domain.ErrUnknownOutcome) {
		err = cmp.Or(h.writable(), err) // the command itself may have been the first to be refused for lack of room
	}
	return result, err
}

// writable returns why no command can be carried out at the moment, or nil.
func (h *Handler) writable() error {
	if err := h.Directory.Err(); err != nil { // later events are not known
		return &domain.Error{Kind: domain.Unavailable, Message: "This replica does not follow the event store any more. Please try again.", Cause: err}
	}
	return h.Writable()
}

// failure returns the outcome of a command that ended with err before anything was sent.
func failure(err error) Outcome {
	if kind := domain.KindOf(err); kind != 0 && kind != domain.Unavailable {
		return Refused
	}
	return Failed
}

// unavailable returns err as a domain.Error.
func unavailable(err error) error {
	if domain.KindOf(err) != 0 {
		return err
	}
	return domain.NoStore(err)
}
