package domain

import "time"

// Envelope is an event with what is known of its happening. It is made once, and stored as it is.
type Envelope struct {
	EventID       string // unique; a UUIDv7
	Account       string
	Event         Event
	Version       uint64    // 1 for the creation of the client, then one more with each of its events
	Time          time.Time // when it was decided, by the clock of who decided it
	Actor         string    // the user who wanted it
	CorrelationID string    // of the conversation that it belongs to
	CausationID   string    // of what led to it directly
	Traceparent   string    // W3C trace context, "" for none
}

// Receipt says where an event is stored.
type Receipt struct {
	Sequence uint64 // in the stream
	Revision Revision
}

// State is what is known of a client when a command is decided.
type State struct {
	Client       Client
	References   References
	LastSequence uint64 // of the stream's last message about this client, whatever it is; 0 when there is none
}
