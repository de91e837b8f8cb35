package eventstore

import (
	"errors"
	"fmt"

	"clients/domain"
	"clients/eventstore/internal/jsapi"
)

// ErrWentBackwards tells that the stream ends before a sequence that it is known to have reached.
var ErrWentBackwards = errors.New("the stream ends before a sequence that it had already reached")

// ErrNoHistory tells that there is no stream of events.
var ErrNoHistory = errors.New("there is no stream " + Stream + ": no clients service has run there")

// Errors of requests to the leaders of streams.
var (
	ErrNoCluster = jsapi.ErrNoCluster
	ErrNoQuorum  = jsapi.ErrNoQuorum
)

// ConfigError reports that a stream exists with a configuration that the guarantees do not hold for.
type ConfigError = jsapi.ConfigError

// ErrMaxPayload reports that the NATS server takes no message that is as large as an event may be.
var ErrMaxPayload = errors.New("max_payload of the NATS server is too small for an event")

// CorruptError tells that the stream does not hold what was once stored in it.
type CorruptError struct {
	Sequence uint64
	Reason   string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("stream %s is corrupt at sequence %d: %s", Stream, e.Sequence, e.Reason)
}

// MissingError tells of messages that are gone from the stream.
type MissingError struct {
	First, Last uint64
	Reason      string // what tells that they were there, where it is not what comes behind them
}

func (e *MissingError) Error() string {
	if e.First == e.Last {
		return fmt.Sprintf("sequence %d of stream %s is missing", e.First, Stream)
	}
	return fmt.Sprintf("sequences %d to %d of stream %s are missing", e.First, e.Last, Stream)
}

// UnknownEventError tells of an event that only a newer release can read.
type UnknownEventError struct {
	Sequence uint64
	Type     string
}

func (e *UnknownEventError) Error() string {
	return fmt.Sprintf("sequence %d of stream %s holds an event of the unknown type %q: it takes a newer release to read it", e.Sequence, Stream, e.Type)
}

// unknownOutcome answers for a message of which nobody knows whether it was stored.
func unknownOutcome(cause error) error {
	return &domain.Error{
		Kind:    domain.Unavailable,
		Message: "The event store did not answer in time: the command may have been carried out or not.",
		Cause:   errors.Join(domain.ErrUnknownOutcome, cause),
	}
}
