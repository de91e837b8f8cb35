// Package upstream reads the streams of other services: PROJECTS and INVOICES.
//
// The streams belong to those services. Their administrators may limit, purge, restore, delete and recreate them at any
// time, and a publisher may store anything in them. The package turns that into one ordered sequence of messages:
//
//	stream ─→ pull consumer ─→ Reader: fill gaps ─→ Handler.Handle(run of messages) ─→ record of the caller
//	              ↑                                                                       │
//	              └────────────── resume behind the end of the record ←──────────────────┘
//
// A [Reader] hands out runs of consecutive messages, each run once the one before it is on record. It skips no message
// that the stream holds: what the consumer did not deliver is requested from the stream's leader, and what is gone is
// reported as gone. It keeps no position in NATS. Where to continue follows from the caller's record alone, so that
// neither a restored copy of the record nor a recreated stream can lead to lost or repeated messages.
//
// # Generations
//
// A stream that was deleted and created again has another creation time and is read from its beginning. A stream that was
// restored to an earlier state keeps its creation time, but assigns its sequences again to other messages. [Client.Holds]
// detects this by the time at which the last recorded message was stored, and the caller then starts a new generation of
// the record: see [Handler.Rewind]. Reading again needs no operator. The read barrier needs the check in any case, and an
// event that is read twice is dropped as a duplicate, so stopping for a command would only add the command and an alert.
//
// # Guarantees
//
// [Client.State] asks the stream's leader, and trusts it only if it has heard of a majority of its servers: every message
// that was acknowledged before the call is at or below State.Last. Messages that were deleted before they were read do not
// stop the reader. Those that were deleted from the beginning of the stream, by a limit or a purge, are counted.
package upstream
