// Package command carries out commands: it finds the client's state, has domain.Decide decide, appends the event on condition
// that the state is still the last one, and waits until reads show it.
//
//	Handle → execute, or executeOnce under an idempotency key → tryOnce → domain.Decide
//
// # Idempotency keys
//
// A key has a record: which request it belongs to, its client, the id of its event, and a sequence that the event is behind.
// The first request claims the key. A retry takes the record over when it was released, or has not changed for a second
// (patience). Who stores the event completes the record with the answer; who ends without one releases it. Each of these
// steps is conditional on the revision of the record that it replaces. One key never leads to two events:
//
//  1. All requests of a record share its event id. A request appends only after it has looked for that event in all that its
//     state of the client shows, and on condition that the client has no event behind that state. So the event is stored once.
//  2. A record is removed by a request that is the only one ever to have had it and whose appends have all been refused, or
//     when its reserved client id is another client's. Nothing of it can be stored then. A record that was taken over is kept:
//     for 24 hours after its last change its event id is the only one of the key.
//  3. A request confirms its claim, by storing the record once more, when half a second (claimLife) has passed since it did
//     so last and it is about to send its event. If it has lost the key it stops. A retry does not take over any sooner than a
//     second after a confirmation, so what it decides, a refusal included, is the last word on the request before it.
//
// What remains possible: an event that is between the look at the clock and the stream for longer than half a second, on a
// slow link or in a process that is stopped just there, may be stored after its retry was refused, unless the client has
// changed meanwhile; further retries get its answer. If it is there for longer than lateStore, a retry does not find it, and
// if it is there for longer than 24 hours the key may belong to another event. Former releases do not confirm their claims
// and remove records that they took over.
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
	Writable        func() error  // returns why nothing can be stored at the moment; may be nil

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
	h.observe(outcome)
	return result, err
}

// writable returns why no command can be carried out at the moment, or nil.
func (h *Handler) writable() error {
	if err := h.Directory.Err(); err != nil { // what has happened since is not known
		return &domain.Error{Kind: domain.Unavailable, Message: "Nothing can be changed at the moment.", Cause: err}
	}
	if h.Writable == nil {
		return nil
	}
	return h.Writable()
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
