package domain

import "time"

// Position identifies a message of another service's stream. A stream that was deleted and created again starts at
// sequence 1 and is distinguished by its creation time.
type Position struct {
	Stream   string
	Created  time.Time // of the stream
	Sequence uint64
	// Generation counts how often the stream was restored to an earlier state, after which its sequences are assigned
	// again to other messages.
	Generation int
}

// ReferenceEvent is what was learned from one message of another service. Reference events of one stream are recorded in
// its order, so that each also means that all messages before its own were processed.
//
// This holds for the messages after Previous only. An event whose Previous is higher than the recorded position does not
// count: the replica that recorded it had read another stream, for example one that was restored from a backup since.
type ReferenceEvent struct {
	Source   Position
	Previous uint64    // sequence in the source; 0 if recorded by a release without this field
	StoredAt time.Time // when the message was stored in its stream
	EventID  string    // of the message, "" if it has none; an event may be published twice
	Account  string
	// Subject is the client under whose subject the event is stored; 0 if nothing was learned.
	Subject   int64
	Kind      ReferenceKind
	Operation Operation
	ID        int64 // of the project or invoice

	ClientID         int64  // 0 if unchanged
	Active           *bool  // of a project, nil if unchanged
	InvoiceKind      string // "" if not named
	InvoiceTimeframe string // "" if not named
	Late             bool   // recorded out of order by an operator; ordered after what its stream has delivered since
	Replica          string // that recorded it
	CorrelationID    string
	CausationID      string
}

// ReferenceKind is what a ReferenceEvent is about.
type ReferenceKind string

// Projects and invoices block the deletion of their client. NoReference is the kind of an event that records a position
// only: nothing was learned from the message, for example because it became a dead letter.
const (
	NoReference ReferenceKind = ""
	Project     ReferenceKind = "project"
	Invoice     ReferenceKind = "invoice"
)

// Operation is what happened to a project or invoice.
type Operation string

// The operations. Only Created restores what was deleted.
const (
	Created Operation = "created"
	Changed Operation = "changed"
	Deleted Operation = "deleted"
	// Rewound starts a Generation: the stream was restored to an earlier state and is read from its beginning again.
	Rewound Operation = "rewound"
)
