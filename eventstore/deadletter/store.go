package deadletter

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"clients/eventstore/internal/jsapi"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Stream is the name of the stream that holds the dead letters.
const Stream = "CLIENTS_QUARANTINE"

const subjectPrefix = "clients-quarantine" // .<stream>.<its creation>.<sequence>[.<generation>]

var (
	// ErrNotFound reports that there is no dead letter with a number.
	ErrNotFound = errors.New("there is no such message in quarantine")
	// ErrAway reports that a dead letter is not deleted because a server would keep it.
	ErrAway = errors.New("a NATS server does not respond, and would keep the message")
	// ErrNoStream reports that the stream of the dead letters does not exist.
	ErrNoStream = errors.New("there is no stream " + Stream + ": no clients service has run on this NATS system")
)

// Letter is a dead letter.
type Letter struct {
	Number  uint64 // its sequence in Stream
	Reason  string // see ingest.Reason
	Detail  string // what exactly is wrong
	At      time.Time
	Message upstream.Message
}

// Store gives access to the dead letters of the service that runs on a NATS system.
type Store struct{ api *jsapi.Client }

// New returns a Store for a connection.
func New(nc *nats.Conn) *Store { return &Store{jsapi.New(nc)} }

// Ensure creates the stream, or checks that the existing one has the settings that the service needs. It tries until there
// is a leader or ctx ends.
func (s *Store) Ensure(ctx context.Context, replicas int, log *slog.Logger) error {
	return jsapi.Retry(ctx, log, func(ctx context.Context) error {
		_, err := s.api.EnsureStream(ctx, jetstream.StreamConfig{
			Name:        Stream,
			Description: "Messages of other services that cannot be used, each with its reason",
			Subjects:    []string{subjectPrefix + ".>"},
			Storage:     jetstream.FileStorage,
			Replicas:    replicas,
			AllowDirect: true,
		})
		return err
	})
}

// Put stores a message as a dead letter, without its content if it is too large with its new headers. stored is false if it is one
// already. If the servers have no room at the moment, that is an error: the content would be lost.
func (s *Store) Put(ctx context.Context, m upstream.Message, reason, detail string) (stored bool, err error) {
	msg := encode(m, reason, detail)
	stored, err = s.put(ctx, m, msg)
	if jsapi.Classify(err) == jsapi.Refused && jsapi.LacksRoom(err) == "" {
		return s.put(ctx, m, withoutContent(msg))
	}
	return stored, err
}

// PutAll publishes messages as dead letters without waiting in between, and returns for each whether it was stored. Those that were
// are in order. The others may be dead letters already, were refused, or have an unknown outcome: Put finds out, and stores what it
// stores behind them.
func (s *Store) PutAll(ctx context.Context, letters []Letter) (stored []bool) {
	acks := make([]jetstream.PubAckFuture, len(letters))
	for n, l := range letters {
		acks[n], _ = s.api.JetStream.PublishMsgAsync(encode(l.Message, l.Reason, l.Detail), jetstream.WithExpectLastSequencePerSubject(0), jetstream.WithRetryAttempts(0))
	}
	stored = make([]bool, len(letters))
	for n, ack := range acks {
		if ack == nil { // not sent
			continue
		}
		select {
		case <-ack.Ok():
			stored[n] = true
		case <-ack.Err():
		case <-ctx.Done():
		}
	}
	return stored
}

// PutWhole stores a message as a dead letter, with its content or not at all.
func (s *Store) PutWhole(ctx context.Context, m upstream.Message, reason, detail string) (stored bool, err error) {
	return s.put(ctx, m, encode(m, reason, detail))
}

func (s *Store) put(ctx context.Context, m upstream.Message, msg *nats.Msg) (stored bool, err error) {
	_, err = s.api.JetStream.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(0))
	if jsapi.Classify(err) == jsapi.Conflict {
		return false, nil
	}
	if errors.Is(err, jetstream.ErrNoStreamResponse) { // the stream is missing, or has no leader at the moment
		_, missing := s.api.StreamInfo(ctx, Stream)
		err = errors.Join(err, streamError(missing))
	}
	if err != nil {
		return false, fmt.Errorf("quarantine %s %d: %w", m.Stream, m.Sequence, err)
	}
	return true, nil
}

// Get returns the dead letter with a number, or ErrNotFound.
func (s *Store) Get(ctx context.Context, number uint64) (Letter, error) {
	m, err := s.api.Message(ctx, Stream, jsapi.Query{Sequence: number, NextBySubject: subjectPrefix + ".>"})
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound), err == nil && m.Sequence != number:
		return Letter{}, ErrNotFound
	case err != nil:
		return Letter{}, fmt.Errorf("quarantine %d: %w", number, streamError(err))
	}
	return decode(m.Raw()), nil
}

// All returns all dead letters that were stored before the call and not deleted since, the oldest first, in batches: see
// jsapi.Client.Messages. An error is the last element.
func (s *Store) All(ctx context.Context) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		info, err := s.api.StreamInfo(ctx, Stream)
		if err != nil {
			yield(Letter{}, streamError(err))
			return
		}
		for m, err := range s.api.Messages(ctx, Stream, subjectPrefix+".>", 0, info.State.Last) {
			if err != nil {
				yield(Letter{}, streamError(err))
				return
			}
			if !yield(decode(m), nil) {
				return
			}
		}
	}
}

// Drop deletes a dead letter and overwrites it in the files of the stream, unless a server is away, which would keep it for good. The
// error is ErrNotFound if there is none with this number, and ErrAway.
func (s *Store) Drop(ctx context.Context, number uint64) error {
	if _, err := s.Get(ctx, number); err != nil {
		return err
	}
	if err := s.awaitServers(ctx); err != nil {
		return err
	}
	err := s.api.Do(ctx, "STREAM.MSG.DELETE."+Stream, map[string]any{"seq": number})
	if err == nil {
		return nil
	}
	// Another call was faster, or the response was lost. A leader that was replaced may lack the message: it cannot send the
	// information of the stream.
	if _, gone := s.Get(ctx, number); errors.Is(gone, ErrNotFound) {
		if _, failed := s.api.StreamInfo(ctx, Stream); failed == nil {
			return nil
		}
	}
	return fmt.Errorf("drop %d: %w", number, streamError(err))
}

// awaitServers returns ErrAway if the leader does not hear of each server within awayLimit.
func (s *Store) awaitServers(ctx context.Context) error {
	for end := time.Now().Add(awayLimit); ; jsapi.Pause(ctx) {
		info, err := s.api.StreamInfo(ctx, Stream)
		if err != nil {
			return streamError(err)
		}
		present := info.Cluster.Present()
		for _, r := range info.Cluster.Replicas {
			if !slices.Contains(present, r.Name) {
				err = fmt.Errorf("%w: %s", ErrAway, r.Name)
			}
		}
		if err == nil || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
	}
}

const awayLimit = 5 * time.Second

func streamError(err error) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("%w (%w)", ErrNoStream, err)
	}
	return err
}
