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

// ErrLocked tells that another process uses the embedded server's store.
var ErrLocked = errors.New("the data directory is in use by another process")

// ErrUnfinished tells that a restore into the data directory was interrupted. Nothing is begun there instead.
var ErrUnfinished = errors.New("a restore into the data directory was interrupted: run it again, or remove what it has left behind")

// ErrStoreThere tells that nothing can be restored into a data directory, because it holds something.
var ErrStoreThere = errors.New("the data directory holds a store already")

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

// DamagedError tells that a file of an embedded server's store is not what was written. Nothing was changed.
type DamagedError struct {
	Stream   string // "" for a file that is not one of a stream
	Sequence uint64 // of the message in its stream, 0 where that cannot be told
	File     string
	Offset   int64
	Reason   string

	subject string // of the message, as far as it can be read
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the store is damaged and was left as it is: %s at byte %d: %s", e.File, e.Offset, e.Reason)
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
