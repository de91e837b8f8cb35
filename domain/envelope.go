package domain

import "time"

// Envelope is an event with its metadata. It is built once and stored unchanged.
type Envelope struct {
	EventID       string // unique; a UUIDv7
	Account       string
	Event         Event
	Version       uint64    // 1 for the creation of the client, then one more with each of its events
	Time          time.Time // of the decision, by the clock of the replica that decided
	Actor         string    // the user who sent the command
	CorrelationID string    // of the request
	CausationID   string    // of the direct cause
	Traceparent   string    // W3C trace context, "" for none
}
