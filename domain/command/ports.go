package command

import (
	"context"

	"clients/domain"
)

// Log is the stream of events.
type Log interface {
	// Append stores e as the next message about its client, provided that lastSequence is still the last one. A hold, if
	// there is one, is confirmed right before e is sent, each time that it is.
	//
	// Errors: domain.ErrConflict, and nothing was stored; a domain.Unavailable, and nothing was stored, or, when it is
	// domain.ErrUnknownOutcome, e may have been stored. Both wrap the error of the hold where that is the cause.
	Append(ctx context.Context, e domain.Envelope, lastSequence uint64, hold ...domain.Lease) (domain.AppendResult, error)
	// Find returns what is stored of an event. What it does not find was not stored when Find was called.
	Find(ctx context.Context, l domain.Lookup) (r domain.AppendResult, found bool, err error)
}

// Directory is the read model that commands are decided on. It may lag behind the Log.
type Directory interface {
	State(account string, clientID int64) domain.State
	// Sequence is how far the directory has followed the log.
	Sequence() uint64
	// Taken reports whether a client of any account has that id, or had it.
	Taken(clientID int64) bool
	// HighestID is the highest client id ever seen.
	HighestID() int64
	// Await returns as soon as the directory shows what is stored at sequence.
	Await(ctx context.Context, sequence uint64) error
	// Refresh returns as soon as the directory shows everything that was stored when Refresh was called.
	Refresh(ctx context.Context) error
	// Err returns why the directory does not follow the log any more, or nil.
	Err() error
}

// IDs hands out client ids that were never handed out before.
type IDs interface {
	// NextID returns an id above floor.
	NextID(ctx context.Context, floor int64) (int64, error)
}

// Keys keeps the idempotency records: for 24 hours and for all replicas, what is known of the requests under a key.
type Keys interface {
	// Claim returns the record under the key; where there is none it stores the one that fresh makes. own reports whether
	// it is that one.
	Claim(ctx context.Context, account, key string, fresh func() (domain.IdempotencyRecord, error)) (r domain.IdempotencyRecord, own bool, err error)
	// TakeOver stores r over the record of its revision, so that the record is the caller's, and whose it was has lost it.
	// The error is a domain.Conflict when the record has changed since.
	TakeOver(ctx context.Context, account, key string, r domain.IdempotencyRecord) (domain.IdempotencyRecord, error)
	// Complete stores the answer for all further requests with the key, unless it belongs to another event by now.
	Complete(ctx context.Context, account, key string, r domain.IdempotencyRecord) error
	// Release removes the record. The error is a domain.Conflict when it has changed since.
	Release(ctx context.Context, account, key string, r domain.IdempotencyRecord) error
	// Read returns the record under the key, and whether there is one.
	Read(ctx context.Context, account, key string) (domain.IdempotencyRecord, bool, error)
}
