// Package eventstore keeps the events of clients in the JetStream stream CLIENTS: it appends them under optimistic
// concurrency, reads them in order, and notices when the stream does not hold what was stored.
//
// The subject clients.<account>.<client-id> is one client's whole history, so that "nothing has happened to this client
// since" is one comparison by the stream's leader. Subjects that begin with client-references hold what was learned of
// other services' projects and invoices. All of them share one order, the sequence of the stream.
//
// A create, as any command, goes this way:
//
//	Store.NextID      ids.go           a client id, out of a block that was taken from the counter CLIENTS_IDS
//	Store.Append      append.go        encodes the event (envelope.go, codec.go) with its condition
//	writer.append     writer.go        waits for the flush under way
//	writer.flush      writer.go        refuses what cannot be stored in time; publishes one by one, or as one atomic batch
//	                                   (flush.go), whichever is sooner
//	writer.publish    publish.go       repeats a message until its outcome is known; finds out what a conflict means
//	jsapi.Publish     internal/jsapi   sends it to the stream's leader and classifies the response
//
// An event of another service goes through Store.AppendBatch (append_batch.go, reference_event.go).
//
// Everything that is stored comes back in one order through Store.Tail (tail.go): a consumer delivers messages,
// what it leaves out is read from the leader (tail_backfill.go), and a gap that remains is damage.
//
// An operator can have messages removed. A Removal (removal.go) in the stream says which and why, and nothing else accounts for a
// gap. What was removed is read as what its Removal says, whether it is deleted already or not (removals.go).
//
// A strong read waits for the projection to reach Store.LastSequence (guard_check.go), which asks the leader, as ReadIndex
// does in Raft, and compares what it says with the guard's checkpoint. The guard (guard.go) ends the use of a stream that
// was replaced, put back to an earlier state, or has lost messages. From then on every call returns its error.
//
// What is guaranteed: an append that returns without error is on disk on a majority of the servers; an error that does not
// wrap domain.ErrUnknownOutcome says that nothing was stored; Tail leaves out nothing and repeats nothing. What is not: a
// stale leader may respond for some seconds until its quorum timeout, see CONSISTENCY.md.
//
// The folders below have what is stored besides: each owns its stream. They share the requests of internal/jsapi.
package eventstore

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
)

// Config configures a Store.
type Config struct {
	// Replicas of every stream that is created.
	Replicas int
	// Reached is the sequence that the stream is known to have reached; 0 where that is not known.
	Reached uint64
	// Advanced, unless nil, is called with the sequences that the stream reaches as it is followed, in order.
	Advanced func(sequence uint64)
	// Stage, unless nil, is called before a batch of events of different clients is sent, so that the server can store it with
	// fewer syncs. After a power cut a part of that batch may be stored. If Stage fails the batch costs as much as any.
	Stage func(id string, size int) error
	Log   *slog.Logger
}

// Store is the service's event store. All methods are safe for concurrent use.
type Store struct {
	// Removals are the messages that were removed from the stream, as far as the store knows.
	Removals *Removals
	Counts   Counts

	api      *jsapi.Client
	config   Config
	guard    *guard
	writer   *writer
	readOnly *readOnly
	ids      *ids

	end context.CancelFunc
}

// Open creates the streams that do not exist and starts the writer; Close ends it. It returns
//   - a *ConfigError if a stream exists with a configuration that the guarantees do not hold for: it is not altered,
//   - ErrMaxPayload if the server takes no message as large as an event may be,
//   - an error that names the version of a server that is too old,
//   - ErrWentBackwards if the stream has lost its end, ErrStreamLost if it is gone altogether, ErrIncomplete if messages
//     are missing from it,
//   - the last error, if there is no leader of a stream before ctx ends.
func Open(ctx context.Context, nc *nats.Conn, config Config) (*Store, error) {
	s := newStore(nc, config)
	if err := s.prepare(ctx); err != nil {
		return nil, fmt.Errorf("open event store: %w", err)
	}
	s.writer.start()
	open, end := context.WithCancel(context.WithoutCancel(ctx))
	s.end = end
	go s.readOnly.watch(open, config.Log)
	return s, nil
}

// prepare creates or checks the streams, and reads what was removed.
func (s *Store) prepare(ctx context.Context) error {
	if err := checkServer(s.api.Conn); err != nil {
		return err
	}
	err := jsapi.Retry(ctx, s.config.Log, s.ensureStreams)
	if err == nil && s.config.Reached > 0 {
		err = s.reaches(ctx, s.config.Reached)
	}
	return err
}

// newStore returns a store that reads, and appends nothing until its writer is started.
func newStore(nc *nats.Conn, config Config) *Store {
	readOnly := &readOnly{api: jsapi.New(nc)}
	api := jsapi.New(nc)
	api.Published = readOnly.note
	guard := &guard{api: api, removals: new(Removals)}
	return &Store{
		Removals: guard.removals, api: api, config: config, guard: guard, readOnly: readOnly,
		writer: &writer{
			api: api, guard: guard, readOnly: readOnly, replicated: config.Replicas > 1, stage: config.Stage,
		},
		ids: &ids{api: api, log: config.Log, counter: idStream(config.Replicas), lock: make(chan struct{}, 1), block: block{next: 1}},
	}
}

// Attach returns a store that reads from streams as they are. It checks nothing, and nothing may be appended through it.
func Attach(nc *nats.Conn) *Store {
	return newStore(nc, Config{Log: slog.New(slog.DiscardHandler)})
}

// AppendCost returns how long the append of an event takes at the moment.
func (s *Store) AppendCost() time.Duration { return s.writer.syncTime.get() }

// Published notes the size and the error of an attempt to publish, nil for an acknowledged one: it may show that the store
// has become read-only.
func (s *Store) Published(size int, err error) { s.readOnly.note(size, err) }

// Close stops the writer. Appends under way end first; later ones are refused.
func (s *Store) Close() {
	s.end()
	s.writer.close()
}

// LastSequence returns the sequence of the stream's last message, as its leader has it. What was acknowledged before the
// call is at or below it. The error is ErrReplaced if that is not the stream that has been read so far.
func (s *Store) LastSequence(ctx context.Context) (uint64, error) {
	info, err := s.guard.state(ctx)
	if err != nil {
		return 0, fmt.Errorf("last sequence: %w", err)
	}
	return info.State.Last, nil
}

// Epoch identifies the history that sequences belong to: the metadata EpochKey of the stream, or its creation time if it has
// none. An administrator changes it when the stream was put back to an earlier state; it is noticed with the next call of
// LastSequence or Size.
func (s *Store) Epoch() string { return *s.guard.epoch.Load() }

// MarkDamaged ends the use of the stream, which was found not to hold what was folded of it: it is not read any further,
// and nothing is stored any more.
func (s *Store) MarkDamaged(found string) {
	_ = s.guard.fail(fmt.Errorf("%w: %s", ErrDamaged, found))
}
