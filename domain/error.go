package domain

import (
	"errors"
	"fmt"
)

// Kind classifies an Error by what a caller can do about it. Transports map it to a status in one table.
type Kind int

const (
	Invalid     Kind = iota + 1 // the command is wrong; retrying does not help
	NotFound                    // there is no such client in the caller's account
	Blocked                     // a rule forbids it while the client has references
	Stale                       // the client is not in the state that the caller named
	KeyReused                   // the idempotency key belongs to another command
	Conflict                    // another command on the same client was stored first; nothing was stored for this one
	Unavailable                 // not possible at the moment, or the outcome is unknown; try again later
)

// Error is an error for the caller. Its message contains nothing internal.
type Error struct {
	Kind    Kind
	Message string
	Cause   error // for the log only
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + " " + e.Cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is an Error of the same kind, so that errors.Is(err, domain.ErrNotFound) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind
}

// Errorf returns an Error of a kind.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of the Error that err is or wraps, or 0 if there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}

// NoStore returns the Error of an event store that cannot be reached: nothing was stored.
func NoStore(cause error) *Error {
	return &Error{Kind: Unavailable, Message: "The event store cannot be reached. Please try again.", Cause: cause}
}

// Errors whose message is always the same.
var (
	ErrNotFound = Errorf(NotFound, "Client not found.")
	ErrStale    = Errorf(Stale, "The client has been changed in the meantime.")
	ErrConflict = Errorf(Conflict, "The client is being changed by others. Please try again.")
)
