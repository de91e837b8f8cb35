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

// Log is the stream of events.
type Log interface {
	// Append stores e as the next message about its client, provided that lastSequence is still the last one.
	// Else it answers a domain.Conflict, and nothing is stored. A domain.Unavailable tells that nothing was stored,
	// or, when it is ErrUnknownOutcome, that nobody knows.
	Append(ctx context.Context, e domain.Envelope, lastSequence uint64) (domain.Receipt, error)
	// Find looks behind sequence after for the event of a client that was stored under eventID.
	Find(ctx context.Context, account string, clientID int64, eventID string, after uint64) (r domain.Receipt, found bool, err error)
}

// Directory is the read model that commands are decided on. It may lag behind the Log.
type Directory interface {
	State(account string, clientID int64) domain.State
	// Sequence is how far the directory has followed the log.
	Sequence() uint64
	// HighestID is the highest client id ever seen.
	HighestID() int64
	// Await returns as soon as the directory shows what is stored at sequence.
	Await(ctx context.Context, sequence uint64) error
	// Refresh returns as soon as the directory shows everything that was stored when Refresh was called.
	Refresh(ctx context.Context) error
	// Err answers why the directory does not follow the log any more, or nil.
	Err() error
}

// IDs hands out client ids that were never handed out before.
type IDs interface {
	// NextID answers an id above floor.
	NextID(ctx context.Context, floor int64) (int64, error)
}

// ErrUnknownOutcome is the cause of an error after which the event may have been stored or not.
var ErrUnknownOutcome = errors.New("outcome unknown")

// Handler handles commands. Any number of goroutines and of replicas may do so at once: of two commands on the same
// state of a client exactly one is stored, and the other is decided again.
type Handler struct {
	Log             Log
	Directory       Directory
	IDs             IDs
	Keys            Keys
	DefaultCurrency string
	NewEventID      func() string
	Now             func() time.Time
	Observe         func(Outcome, error) // told how each decision ended; may be nil

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

// timeLimit bounds a command, so that its caller hears of a store that does not answer in under 3 s.
const timeLimit = 2800 * time.Millisecond

// maxAttempts bounds how often a command that loses races is decided again.
const maxAttempts = 16

// Handle carries out a command. When it answers without error, its event is on disk and visible in the directory.
// A command that changes nothing answers the client's present revision and stores nothing. Errors are of type
// *domain.Error, but for those of ctx.
//
// The command goes on when the caller's ctx ends after its event was sent: the stream decides, not the caller's patience.
func (h *Handler) Handle(ctx context.Context, req Request) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	result, outcome, err := h.handle(ctx, req)
	h.observe(outcome, err)
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

// intent is what stays the same however often a command is decided.
type intent struct {
	clientID int64 // 0: a new one is taken for each attempt
	eventID  string
	after    uint64 // the event is stored behind this sequence, if it is
	known    bool   // somebody else may be storing the same event
}

// decide decides the command and appends its event, again and again while others win the race.
func (h *Handler) decide(ctx context.Context, req Request, in intent) (Result, Outcome, error) {
	if in.clientID != 0 {
		done, err := h.turns.take(ctx, in.clientID)
		if err != nil {
			return Result{}, Failed, unavailable(err)
		}
		defer done()
	}
	fresh := false // whether the directory is known to be as new as this request
	for range maxAttempts {
		id, err := h.clientID(ctx, in)
		if err != nil {
			return Result{}, Failed, err
		}
		state := h.Directory.State(req.Account, id)
		if in.known {
			if receipt, found, err := h.Log.Find(ctx, req.Account, id, in.eventID, in.after); err != nil {
				return Result{}, Failed, err
			} else if found {
				return h.applied(ctx, id, receipt)
			}
		}
		event, err := judge(state.Client, withID(req, id, h.DefaultCurrency))
		if settled := err != nil || event == nil; settled && !fresh && dependsOnState(err) {
			if err := h.Directory.Refresh(ctx); err != nil {
				return Result{}, Failed, unavailable(err)
			}
			fresh = true
			continue
		}
		if errors.Is(err, domain.ErrConflict) && in.clientID == 0 {
			continue // the new id is taken
		}
		if errors.Is(err, domain.ErrConflict) {
			return Result{}, Failed, err
		}
		if err != nil {
			return Result{}, Refused, err
		}
		if event == nil {
			return Result{ClientID: id, Revision: state.Client.Revision}, Unchanged, nil
		}
		receipt, err := h.Log.Append(ctx, h.envelope(req, in.eventID, event, state), state.LastSequence)
		if err == nil {
			return h.applied(ctx, id, receipt)
		}
		if !errors.Is(err, domain.ErrConflict) {
			return Result{}, Failed, err
		}
		h.observe(Conflict, nil)
		if err := h.Directory.Refresh(ctx); err != nil {
			return Result{}, Failed, unavailable(err)
		}
		fresh = true
		in.known = in.known || req.Key != ""
	}
	return Result{}, Failed, domain.ErrConflict
}

// clientID is the client that the command is about; a CreateClient without a reserved id takes a new one.
func (h *Handler) clientID(ctx context.Context, in intent) (int64, error) {
	if in.clientID != 0 {
		return in.clientID, nil
	}
	return h.IDs.NextID(ctx, h.Directory.HighestID())
}

// judge decides the command, provided that the caller knows the client's state as he says he does.
func judge(c domain.Client, req Request) (domain.Event, error) {
	if req.IfMatch != nil && c.Exists() && !matches(req.IfMatch, c.Revision) {
		return nil, domain.ErrStale
	}
	return domain.Decide(c, req.Command)
}

func matches(revisions []domain.Revision, current domain.Revision) bool {
	for _, r := range revisions {
		if r == current {
			return true
		}
	}
	return false
}

// withID fills in what a CreateClient does not know when it is sent.
func withID(req Request, id int64, currency string) Request {
	if create, ok := req.Command.(domain.CreateClient); ok {
		create.ID, create.DefaultCurrency = id, currency
		req.Command = create
	}
	return req
}

// dependsOnState reports whether a newer state of the client could have led to another answer.
func dependsOnState(refusal error) bool {
	var e *domain.Error
	return !errors.As(refusal, &e) || e.Kind != domain.Invalid
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
func (h *Handler) applied(ctx context.Context, id int64, receipt domain.Receipt) (Result, Outcome, error) {
	_ = h.Directory.Await(ctx, receipt.Sequence)
	return Result{ClientID: id, Revision: receipt.Revision}, Applied, nil
}

func (h *Handler) observe(outcome Outcome, err error) {
	if h.Observe != nil {
		h.Observe(outcome, err)
	}
}

// unavailable makes an answer of an error that says nothing to the caller.
func unavailable(err error) error {
	var e *domain.Error
	if errors.As(err, &e) {
		return err
	}
	return &domain.Error{Kind: domain.Unavailable, Message: "The event store cannot be reached. Please try again.", Cause: err}
}
