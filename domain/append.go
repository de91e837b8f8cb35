package domain

import (
	"context"
	"errors"
	"time"
)

// AppendResult is where an event was stored.
type AppendResult struct {
	Sequence uint64 // in the stream
	Revision Revision
}

// ErrUnknownOutcome is the cause of an error after which the event may or may not have been stored.
var ErrUnknownOutcome = errors.New("outcome unknown")

// State is the state of a client that a command is decided on.
type State struct {
	Client       Client
	References   References
	LastSequence uint64 // of the stream's last message about this client, of any type; 0 if there is none
}

// Lease is what a request must hold when its event is sent, and may lose before.
type Lease interface {
	// Due reports whether the lease must be confirmed before the event is sent.
	Due() bool
	// Confirm renews the lease if that is due. It returns an error if the lease is lost or cannot be confirmed.
	Confirm(ctx context.Context) error
}

// Lookup identifies a stored event.
type Lookup struct {
	Account  string
	ClientID int64
	EventID  string
	After    uint64    // the event's sequence is higher
	Before   time.Time // the event was stored earlier; zero if that is not known
	Shown    uint64    // a sequence of the client that the stream's leader must know
}

// IdempotencyRecord is what a request with an Idempotency-Key shares with its retries, so that they never lead to two
// events.
type IdempotencyRecord struct {
	Fingerprint string    // identifies the request
	ClientID    int64     // of the client that the request is about, or that it creates
	EventID     string    // of the only event that the requests of this record may store
	After       uint64    // the event's sequence is higher
	Released    bool      // the request that had the record last stored nothing, and will not
	Result      *Revision // of the client after the event; nil while no event is known
	Revision    uint64    // of the record; changes with every change of it
	StoredAt    time.Time // set when the record is read
}
