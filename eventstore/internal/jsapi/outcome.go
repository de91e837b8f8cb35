package jsapi

import (
	"errors"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Outcome is what became of a message that was published.
type Outcome int

// The outcomes.
const (
	Stored    Outcome = iota
	Conflict          // not stored: there is a newer message on the subject
	Duplicate         // sent more than once: stored, unless another message was stored on the subject first
	Refused           // not stored, and it would not be stored later
	Retryable         // not stored: the server could not store it at the moment
	Unknown           // stored or not
)

// Error codes that the jetstream package has no name for.
const (
	codeDuplicateInFlight jetstream.ErrorCode = 10158 // a message with the same id is being stored
	codeNoStorage         jetstream.ErrorCode = 10047 // the account or the servers have less left than a message or a stream takes
	codeNoPeers           jetstream.ErrorCode = 10005 // a cluster has too few servers for the replicas of a stream, also while it forms
	codeNoCluster         jetstream.ErrorCode = 10074 // codeNoPeers of a server without a cluster
)

// noRoom holds the codes of a server that lacks the room for a message, or may not store it.
var noRoom = []jetstream.ErrorCode{
	10002, // limits of the account
	10023, // limits of the server
	10028, // memory of the account or the server
	codeNoStorage,
	10077, // limits of the stream
	10109, // the stream is sealed
}

// LacksStorage reports whether a stream was not created because too few servers have as much storage left as the stream may take. A
// cluster that is just forming returns the same error.
func LacksStorage(err error) bool {
	api := apiError(err)
	return api != nil && (api.ErrorCode == codeNoStorage || api.ErrorCode == codeNoPeers)
}

// LacksRoom returns why a message was refused because of a full disk or a limit, "" if it was not. It was not stored.
func LacksRoom(err error) string {
	api := apiError(err)
	if api == nil || !slices.Contains(noRoom, api.ErrorCode) {
		return ""
	}
	return api.Description
}

func apiError(err error) *jetstream.APIError {
	var refusal jetstream.JetStreamError
	if !errors.As(err, &refusal) {
		return nil
	}
	return refusal.APIError()
}

// Classify returns the outcome of one attempt to publish, or of one request, by its error. It never returns Duplicate.
func Classify(err error) Outcome {
	if err == nil {
		return Stored
	}
	if errors.Is(err, nats.ErrMaxPayload) || LacksRoom(err) != "" {
		return Refused
	}
	api := apiError(err)
	if api == nil {
		if errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrReconnectBufExceeded) {
			return Retryable // no stream was there to store it, or no connection to send it through
		}
		return Unknown
	}
	switch {
	case api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence, api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return Conflict
	case api.ErrorCode == codeNoPeers: // as servers start
		return Retryable
	case api.ErrorCode == codeDuplicateInFlight:
		return Unknown
	case api.Code == 404 || api.Code == 429:
		return Retryable
	case api.Code < 500:
		return Refused
	default:
		return Unknown
	}
}
