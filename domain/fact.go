package domain

import "time"

// Position names a message of another service's stream. A stream that was deleted and made again begins at sequence 1
// again, and is told apart by its creation.
type Position struct {
	Stream   string
	Created  time.Time // of the stream
	Sequence uint64
	// Round is how often the stream had been put back to an earlier state of itself, so that its sequences were given
	// once more to other messages.
	Round int
}

// Fact is what was learned from one message of another service. Facts of one stream are recorded in its order, so that
// a fact also says that everything before its message has been dealt with.
//
// It says so for what is behind Previous alone, and does not count where less than Previous is on record: whoever has
// recorded it had read another stream than the one that it was stored in, as when that was restored from a backup.
type Fact struct {
	Source   Position
	Previous uint64    // sequence in the source; 0 in facts of releases that did not know of it
	StoredAt time.Time // when the other service's message was stored
	EventID  string    // of that message: the same event may be published twice; "" when it has none
	Account  string
	// Subject is the client under whom the fact is kept; 0 for a PositionReached.
	Subject int64
	Thing   Thing
	Change  Change
	ID      int64 // of the project or invoice

	ClientID         int64  // 0 where it is unchanged
	Active           *bool  // of a project, nil where it is unchanged
	InvoiceKind      string // "" where none is named
	InvoiceTimeframe string // "" where none is named
	Late             bool   // recorded out of order, by hand: it takes its place behind what its stream has said since
	Recorder         string // the replica that recorded it
	CorrelationID    string
	CausationID      string
}

// Thing is what a Fact is about.
type Thing string

// The things that stand in the way of a client's end. Nothing is learned from a message that was put into quarantine,
// or that is gone: it is passed.
const (
	Nothing Thing = ""
	Project Thing = "project"
	Invoice Thing = "invoice"
)

// Change is what has happened to a thing.
type Change string

// What can happen to a thing. Only Created brings one back that was deleted.
const (
	Created Change = "created"
	Changed Change = "changed"
	Deleted Change = "deleted"
	// Rewound begins a Round: the stream was put back to an earlier state of itself, and is read from its beginning again.
	Rewound Change = "rewound"
)
