package ingest

import (
	"clients/domain"
	"clients/eventstore/upstream"

	"github.com/ThreeDotsLabs/watermill/message"
)

// Limits that tests check.
const (
	CloseTimeout     = closeTimeout
	DeletionInterval = deletionInterval
	MaxDetail        = maxDetail
	MaxID            = maxID
)

// Intercept adds a step before each run is handled.
func (i *Ingest) Intercept(step message.HandlerMiddleware) { i.router.AddMiddleware(step) }

// Interpret returns the reference event of a message, and why it is poison.
func Interpret(m upstream.Message) (domain.ReferenceEvent, error) {
	i := interpret(m)
	if i.unreadable != nil {
		return i.event, i.unreadable
	}
	return i.event, nil
}

// Reasons returns all reasons for which a message is poison.
func Reasons() []Reason { return reasons() }

// Guard runs one step of the processing of a message.
func Guard(step func() *Poison) *Poison { return guard(step) }
