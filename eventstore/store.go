// Package eventstore keeps events in a NATS JetStream stream: it appends them under optimistic concurrency, follows
// them in order, and notices when the stream does not hold what was stored.
//
// The subject clients.<account>.<client-id> is one client's whole history, so that "nothing has happened to this
// client since" is one comparison by the stream's leader (see Store.Append).
package eventstore

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Config tells how to open a Store.
type Config struct {
	// Replicas of every stream that is created.
	Replicas int
	// Reached is the sequence that the stream is known to have reached; 0 where that is not known.
	Reached uint64
	// Advanced, unless nil, is called with the sequences that the stream reaches as it is followed, in order.
	Advanced func(sequence uint64)
	// Excused are the messages that may be missing from the stream.
	Excused Excused
	Log     *slog.Logger
}

// Store is the service's event store. All methods are safe for concurrent use.
type Store struct {
	nc       *nats.Conn
	js       jetstream.JetStream
	api      *jsapi.Client
	plain    *jsapi.Client // does not take part in readOnly
	config   Config
	writer   *writer
	ids      blocks
	stats    stats
	identity identity
	sound    soundness // of snapshots
	warned   sync.Map  // of what
	readOnly readOnly

	open context.Context // ended by Close
	end  context.CancelFunc
}

// Open creates the streams that do not exist and starts the writer; Close ends it. It answers
//   - a *ConfigError when a stream exists with a configuration that the guarantees do not hold for: it is not altered,
//   - ErrMaxPayload when the server takes no message as large as an event may be,
//   - an *OldServerError when the server cannot do what it takes,
//   - ErrWentBackwards when the stream has lost its end, ErrStreamLost when it is gone altogether, ErrIncomplete when
//     messages are missing from it,
//   - the last fault met, when no stream leader is there before ctx ends.
func Open(ctx context.Context, nc *nats.Conn, config Config) (*Store, error) {
	if err := checkVersion(nc.ConnectedServerVersion()); err != nil {
		return nil, fmt.Errorf("open event store: %w", err)
	}
	if size := nc.MaxPayload(); size < maxEvent {
		return nil, fmt.Errorf("open event store: %w: it is %d bytes, and has to be %d or more", ErrMaxPayload, size, maxEvent)
	}
	s, err := newStore(nc, config)
	if err != nil {
		return nil, fmt.Errorf("open event store: %w", err)
	}
	if err := s.ensureStreams(ctx); err != nil {
		return nil, fmt.Errorf("open event store: %w", err)
	}
	if err := s.checkReached(ctx); err != nil {
		return nil, fmt.Errorf("open event store: %w", err)
	}
	s.writer = newWriter(s)
	s.open, s.end = context.WithCancel(context.WithoutCancel(ctx))
	go s.watchReadOnly()
	return s, nil
}

// newStore returns a store that reads, and appends nothing.
func newStore(nc *nats.Conn, config Config) (*Store, error) {
	plain, err := jsapi.New(nc)
	if err != nil {
		return nil, err
	}
	s := &Store{nc: nc, js: plain.JetStream, plain: plain, config: config, ids: newBlocks(), identity: identity{excused: config.Excused}}
	s.api = &jsapi.Client{Conn: nc, JetStream: plain.JetStream, Published: s.readOnly.note}
	return s, nil
}

// Attach returns a store that reads from streams as they are. It checks nothing, and nothing may be appended through it.
func Attach(nc *nats.Conn) (*Store, error) {
	return newStore(nc, Config{Log: slog.New(slog.DiscardHandler)})
}

// AppendCost returns how long the append of a single event and of a batch take at the moment.
func (s *Store) AppendCost() (single, batch time.Duration) {
	return s.writer.single.get(), s.writer.batch.get()
}

// Published takes note of the error of an attempt to publish, nil for an acknowledged one: it may show that the store has
// become read-only.
func (s *Store) Published(err error) { s.readOnly.note(err) }

// Close stops the writer. Appends under way end first; later ones are refused.
func (s *Store) Close() {
	s.end()
	s.writer.close()
}

// checkReached returns ErrWentBackwards where the stream ends before the sequence that it is known to have reached.
func (s *Store) checkReached(ctx context.Context) error {
	if s.config.Reached == 0 {
		return nil
	}
	last, err := s.LastSequence(ctx)
	if err == nil && last < s.config.Reached {
		err = fmt.Errorf("%w: it had reached %d and now ends at %d", ErrWentBackwards, s.config.Reached, last)
	}
	return err
}
