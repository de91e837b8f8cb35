package command

import (
	"context"
	"errors"

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
	// Taken tells whether a client of whichever account has that id, or had it.
	Taken(clientID int64) bool
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
