package command

import (
	"context"

	"clients/domain"
)

// Log is the stream of events.
type Log interface {
	// Append stores e as the next message about its client, provided that lastSequence is still the last one. A lease, if
	// given, is confirmed right before each time that e is sent.
	//
	// Errors:
	//   - domain.ErrConflict: nothing was stored
	//   - a domain.Unavailable that wraps domain.ErrUnknownOutcome: e may have been stored
	//   - any other domain.Unavailable: nothing was stored
	//
	// The last two wrap the error of the lease if that is the cause.
	Append(ctx context.Context, e domain.Envelope, lastSequence uint64, lease ...domain.Lease) (domain.AppendResult, error)
	// Find returns where an event is stored. If it is not found, it was not stored when Find was called, and the sequence is
	// that of the client's last message, 0 if there is none.
	Find(ctx context.Context, l domain.Lookup) (r domain.AppendResult, found bool, err error)
}

// Directory is the read model that commands are decided on. It may lag behind the Log.
type Directory interface {
	// State returns a client as the directory shows it.
	State(account string, clientID int64) domain.State
	// Sequence returns the sequence up to which the directory shows the log.
	Sequence() uint64
	// Taken reports whether a client of any account has or had that id.
	Taken(clientID int64) bool
	// HighestID returns the highest client id ever seen.
	HighestID() int64
	// Await waits until the directory shows the event at sequence.
	Await(ctx context.Context, sequence uint64) error
	// Refresh waits until the directory shows everything that was stored when Refresh was called.
	Refresh(ctx context.Context) error
	// Err returns why the directory no longer follows the log, or nil.
	Err() error
}

// Barrier is the read barrier for projects and invoices.
type Barrier interface {
	// Wait waits until the directory shows everything about projects and invoices that had been acknowledged to other
	// services when Wait was called. It returns a domain.Unavailable if that cannot be determined.
	Wait(ctx context.Context) error
}

// IDs hands out client ids.
type IDs interface {
	// NextID returns an id above floor that was never returned before, by any replica.
	NextID(ctx context.Context, floor int64) (int64, error)
}

// Records stores the idempotency records of all replicas. A record expires 24 hours after its last change.
type Records interface {
	// Claim returns the record under the key. If there is none it stores the one that create returns, and own is true.
	Claim(ctx context.Context, account, key string, create func() (domain.IdempotencyRecord, error)) (r domain.IdempotencyRecord, own bool, err error)
	// TakeOver replaces the record that has the revision of r, so that its former owner has lost it. It returns
	// domain.ErrConflict if the record has changed since.
	TakeOver(ctx context.Context, account, key string, r domain.IdempotencyRecord) (domain.IdempotencyRecord, error)
	// Complete stores the result for all further requests with the key, unless the record is of another event by now.
	Complete(ctx context.Context, account, key string, r domain.IdempotencyRecord) error
	// Release removes the record. It returns domain.ErrConflict if the record has changed since.
	Release(ctx context.Context, account, key string, r domain.IdempotencyRecord) error
	// Read returns the record under the key, and whether there is one.
	Read(ctx context.Context, account, key string) (domain.IdempotencyRecord, bool, error)
}
