// Package ingest reads the events of other services that decide whether a client may be deleted or deactivated. It reads the
// streams PROJECTS and INVOICES, records their events as reference events on the service's own stream, and puts messages that
// cannot be attributed to an existing client among the dead letters.
//
// Each stream has one ordered loop. Watermill's Router runs it; one Watermill message is a run of consecutive messages:
//
//	upstream.Reader   reads a run behind the end of the record            subscriber.go
//	      ↓
//	Router            metrics, recovery from panics                       ingest.go
//	      ↓
//	loop              leaves the run to the replica that records          loop.go
//	      ↓
//	interpret         one message → one reference event, or poison        cloudevent.go, interpret.go
//	      ↓
//	decide            client, duplicates, events that follow              decision.go
//	      ↓
//	deadletter.Put    for poison messages, before the run is recorded     poison.go
//	      ↓
//	Store.AppendBatch the whole run as one batch                          loop.go
//	      ↓
//	Directory         folds the reference events; a deletion is refused
//
// A DELETE or deactivation passes the read barrier first (barrier.go): it waits until the directory shows all messages that
// were acknowledged to other services when the command started.
//
// CloudEvents are decoded here and not by the CloudEvents SDK, which refuses an event if one of its attributes is invalid.
// An event that names its project and client must count even then.
//
// # One replica records
//
// All replicas read. The one that recorded last continues; the others wait for its reference events to arrive and take
// over when there are none for Config.Patience. What was processed follows from the reference events alone: each carries
// its position in its stream and the one before, and the stream drops a second one of the same position. So two replicas
// that record at the same time do no harm, and no position has to be trusted, handed over or restored.
//
// # Failures
//
// A run that cannot be recorded is rejected (nack), and the reader continues from the record. A message that cannot be put
// among the dead letters is tried again, and the messages behind it wait: nothing is lost silently. Retry records a dead
// letter out of order, once its client exists (retry.go).
package ingest
