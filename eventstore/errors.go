package eventstore

import (
	"errors"
	"fmt"

	"clients/eventstore/internal/jsapi"
)

// Errors of a stream that is not what it was. Open returns them, or every call from the moment on when it is noticed.
var (
	// ErrReplaced reports that the stream is not the one that has been read so far: it was made again, or put back to an
	// earlier copy of itself.
	ErrReplaced = errors.New("the stream " + Stream + " was replaced while the service ran: restart the service")
	// ErrWentBackwards reports that the stream ends before a sequence that it is known to have reached.
	ErrWentBackwards = errors.New("the stream ends before a sequence that it had already reached")
	// ErrIncomplete reports that the stream holds fewer messages than were stored in it. Every sequence was one message, and a
	// Removal accounts for each that an operator had removed.
	ErrIncomplete = errors.New("messages are missing from the stream " + Stream + ": " + howToRestore)
	// ErrDamaged reports that a scrub found the stream to differ from what was folded of it.
	ErrDamaged = errors.New("the stream " + Stream + " is damaged: list the faults with clients verify (of a stopped embedded store: --data-dir), and restore a backup")
	// ErrStreamLost reports that there is no stream of events although there was one. It is not made again: what is lost
	// would go unnoticed, and ids would start over.
	ErrStreamLost = errors.New("there is no stream " + Stream + ", although there was one: restore it from a backup, or delete what is left of it to begin anew")
	// ErrUnfinishedRestore reports that the stream was created by a restore that did not finish.
	ErrUnfinishedRestore = errors.New("the restore of the stream " + Stream + " was not finished: run it again with --replace, and with the same --erasures")
)

// RestoreSubject is the only subject of the stream until its restore is finished: no event can be stored meanwhile.
const RestoreSubject = "a-restore-that-is-not-finished"

const howToRestore = "list them with clients verify (of a stopped embedded store: --data-dir), and restore a backup"

// ErrNoHistory reports that there is no stream of events.
var ErrNoHistory = errors.New("there is no stream " + Stream + ": no clients service has run there, or a restore was interrupted")

// ErrNoCluster reports that a NATS server without a cluster was asked for more than one replica of a stream.
var ErrNoCluster = jsapi.ErrNoCluster

// ConfigError reports that a stream exists with a configuration that the guarantees do not hold for.
type ConfigError = jsapi.ConfigError

// ErrMaxPayload reports that the NATS server takes no message that is as large as an event may be.
var ErrMaxPayload = errors.New("max_payload of the NATS server is too small for an event")

// CorruptError reports that the stream does not hold what was once stored in it.
type CorruptError struct {
	Sequence uint64
	Reason   string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("stream %s is corrupt at sequence %d: %s", Stream, e.Sequence, e.Reason)
}

// MissingError reports messages that are gone from the stream.
type MissingError struct {
	First, Last uint64
}

func (e *MissingError) Error() string {
	if e.First == e.Last {
		return fmt.Sprintf("sequence %d of stream %s is missing", e.First, Stream)
	}
	return fmt.Sprintf("sequences %d to %d of stream %s are missing", e.First, e.Last, Stream)
}

// UnknownEventError reports an event that only a newer release can read.
type UnknownEventError struct {
	Sequence uint64
	Type     string
}

func (e *UnknownEventError) Error() string {
	return fmt.Sprintf("sequence %d of stream %s holds an event of the unknown type %q: it takes a newer release to read it", e.Sequence, Stream, e.Type)
}

// StoppedAt returns the sequence of the message that an error of Tail is about, and whether it is about one: a *CorruptError
// or an *UnknownEventError, which an operator can have skipped.
func StoppedAt(err error) (sequence uint64, ok bool) {
	var corrupt *CorruptError
	var unknown *UnknownEventError
	switch {
	case errors.As(err, &corrupt):
		return corrupt.Sequence, true
	case errors.As(err, &unknown):
		return unknown.Sequence, true
	}
	return 0, false
}
