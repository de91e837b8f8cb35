// Package domain holds the state of a client of an invoicing system and the rules that its changes obey.
//
// # Flow
//
//	Command ─→ Decide ─→ Event ─→ (stored in the stream) ─→ Evolve ─→ Client
//
// [Decide] takes a [Command], the [Client] it is about and the [References] that other services hold of that client. It
// returns the one [Event] that the command leads to, nil if nothing would change, or an [*Error] that is shown to the
// caller. [Evolve] applies a stored event to a client. Both are pure: no I/O, no clock, no ids of their own. Decide may
// refuse; Evolve never does.
//
// # Glossary
//
// These words have one meaning throughout the code.
//
//	append result       where an event was stored: its sequence, and the revision of the client after it
//	as of               the state of a client after the events up to a point in the past
//	client attributes   the values of a client that a request names; absent is different from null
//	command             a request to change one client; imperative, may be refused
//	conflict            another event of the client was stored first; the command is decided again
//	dead letter         a message of another service that cannot be attributed to an existing client
//	directory           the read model: the clients of all accounts as folded from the stream
//	duplicate           an event or request that was received before, known by its id
//	envelope            an event with its id, version, time, actor and correlation
//	epoch               names the history that sequences belong to; changes with a restore
//	event               a change that was stored; past tense, never judged again
//	fold                to apply stored events in order
//	foreign message     a message in the stream that the service did not write, or an event with a version that its client has
//	generation          one life of another service's stream, between recreations and restores
//	idempotency record  what is stored under an Idempotency-Key: claimed, taken over, completed, released
//	ingest              reading the streams of other services
//	keyed mutex         lets the commands on one client run one after the other within a process
//	lease               what a request must hold when its event is sent, and may lose
//	poison message      a message that cannot be understood; it becomes a dead letter
//	read barrier        waits until the directory shows everything stored when the wait began
//	reference event     what was learned from one message of another service: of a project or an invoice
//	reference kind      project or invoice
//	revision            version and checksum of one state of a client; the ETag is made of it
//	sequence            the position of a message in a stream
//	snapshot            the folded state up to a sequence, from which a start continues
//	tail                to read the stream continuously, in order
//	unknown outcome     an append without an acknowledgement: stored or not
//	version             the number of a client's event, 1 for its creation
//
// # Adding an attribute
//
// A new attribute of a client goes through these places, in this order. Search for highrise_id as an example of a number, and for
// currency_symbol as one of a text: details has rules of its own. If a place with a star is forgotten, no test fails.
//
//	domain                     Client, ClientAttributes, the events, Decide, Evolve, validation *
//	eventstore                 codec.go and codec_updated.go: the bodies of the events, and null in them *; envelope.go: maxEvent
//	projections/readmodel      only if most clients share a few values: account.go keeps those once
//	projections/snapshot       coder.go and layout.go: the layout; a new Format in eventstore/snapshotstore/bucket.go
//	transport/wire             the names in XML and JSON, encoding and decoding *
//	transport/etag.go          a number in the tag: the same revision of a client has another body than in the release before *
//	transport/history.go       what an event has changed, also for export --history
//	transport/console          event.go: the same for people *
//	transport/contracts        openapi.yaml, schemas *, EVENTS.md *; conformance is recorded anew (-update-kit)
//	cmd/example-subscriber     mirror, and the examples in three languages (tests with -tags node, and .ci/run)
//	deploy/compare             rival/store.go, schema.sql: a module of its own, which only .ci/run tests
//	tests                      golden bytes of events (add, never edit) and of a snapshot (replace), the documents of e2e,
//	                           CHANGELOG.md, README.md *
//
// In an event the new member has omitempty and is not required by its schema: earlier events lack it. In a response it is required. The
// tests of projections/round_trip_test.go fail while an event, Evolve or the snapshot does not carry a field. The importer, idempotency
// records and erasures pass bodies on as they are.
//
// An earlier release ignores the new member, in events and requests, and keeps it in the stream. While both run, each replica responds
// with the attributes that it knows: other services rely on a new one when the rolling update is over.
package domain
