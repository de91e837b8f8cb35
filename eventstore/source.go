package eventstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Source is a stream that belongs to another service, whose events this one reads.
type Source struct {
	Stream string
	Filter string // the subjects of it that are read
}

// The sources.
var (
	Projects = Source{Stream: "PROJECTS", Filter: "projects.>"}
	Invoices = Source{Stream: "INVOICES", Filter: "invoices.>"}
)

// ErrSourceMissing tells that the stream of a source does not exist.
var ErrSourceMissing = errors.New("the stream does not exist")

// SourceState is where a source stands.
type SourceState struct {
	Created time.Time // of the stream: it differs after the stream was made again
	First   uint64    // sequence of the oldest message that is still there; Last+1 when there is none
	Last    uint64    // sequence of the newest message there ever was
	// FirstStored is when the message at First was stored, zero when there is none; LastStored is when the one at Last was,
	// or a later moment when that is gone.
	FirstStored, LastStored time.Time

	single bool // one server holds the stream alone
	pure   bool // every message of it is one that is read
}

// SourceState asks the stream's leader where the source stands: what was acknowledged to its publishers before the call
// is at or below Last. It answers ErrSourceMissing where there is no such stream, and ErrNoQuorum where the leader
// cannot know what has been acknowledged.
func (s *Store) SourceState(ctx context.Context, source Source) (SourceState, error) {
	info, err := s.api.StreamInfo(ctx, source.Stream)
	if err != nil {
		return SourceState{}, sourceError(source, err)
	}
	return SourceState{
		Created: info.Created, First: info.State.First, Last: info.State.Last,
		FirstStored: info.State.FirstTime, LastStored: info.State.LastTime,
		single: info.Cluster.Single(), pure: source.readsAll(info.Config.Subjects),
	}, nil
}

// readsAll reports whether all messages on such subjects are read.
func (s Source) readsAll(subjects []string) bool {
	prefix := strings.TrimSuffix(s.Filter, ">")
	for _, subject := range subjects {
		if !strings.HasPrefix(subject, prefix) {
			return false
		}
	}
	return len(subjects) > 0
}

// SourceMessage is a message of a source, as another service has published it.
type SourceMessage struct {
	Stream   string
	Created  time.Time // of the stream
	Sequence uint64
	Round    int // see domain.Position; a SourceReader leaves it to its handler
	// Previous is the sequence of the message before this one that was handed out, or where reading began.
	Previous uint64
	StoredAt time.Time // of a message that is gone a moment by which it had been stored; zero where that is not known
	Subject  string
	Header   nats.Header
	Data     []byte
	// Gone tells that there is no message: nothing is left of the stream behind Previous, up to this sequence.
	Gone bool
}

// sourceMessage answers the first message of a source at or behind a sequence. It asks the stream's leader. When there
// is none the error is jetstream.ErrMsgNotFound.
func (s *Store) sourceMessage(ctx context.Context, source Source, sequence uint64) (SourceMessage, error) {
	m, err := s.api.Message(ctx, source.Stream, jsapi.Query{Sequence: sequence, NextBySubject: source.Filter})
	if err != nil {
		return SourceMessage{}, sourceError(source, err)
	}
	return SourceMessage{
		Stream: source.Stream, Sequence: m.Sequence, StoredAt: m.Time, Subject: m.Subject, Header: m.Header(), Data: m.Data,
	}, nil
}

func sourceError(source Source, err error) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("source %s: %w", source.Stream, ErrSourceMissing)
	}
	return fmt.Errorf("source %s: %w", source.Stream, err)
}

// The streams of the sources take a gibibyte each of the disk that they share with CLIENTS, less where there is little room.
const (
	sourceLimit      = 1 << 30
	smallSourceLimit = 16 << 20
)

// EnsureSources creates the streams of the sources that do not exist, and leaves those that do as they are: they
// belong to other services. room is the size of the disk that the streams share, 0 where it is not known.
//
// A full stream refuses what is published next. It does not discard old events: that would lose those that were
// acknowledged and not read yet.
func (s *Store) EnsureSources(ctx context.Context, room uint64) error {
	limit := int64(sourceLimit)
	if room > 0 {
		limit = min(limit, int64(room/8))
	}
	for _, source := range []Source{Projects, Invoices} {
		if err := s.ensureSource(ctx, source, limit); err != nil {
			return fmt.Errorf("source %s: %w", source.Stream, err)
		}
	}
	return nil
}

func (s *Store) ensureSource(ctx context.Context, source Source, limit int64) error {
	_, err := s.js.CreateStream(ctx, jetstream.StreamConfig{
		Name:        source.Stream,
		Description: "Events of another service. Publish to " + source.Filter,
		Subjects:    []string{source.Filter},
		Storage:     jetstream.FileStorage,
		Replicas:    s.config.Replicas,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    limit,
		AllowDirect: true,
	})
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrStreamNameAlreadyInUse):
		stream, err := s.js.Stream(ctx, source.Stream)
		if err == nil && stream.CachedInfo().Config.MaxBytes <= 0 {
			s.config.Log.Warn("source without size limit", "stream", source.Stream)
		}
		return err
	case errors.As(err, &api) && (api.ErrorCode == jsapi.CodeNoStorage || api.ErrorCode == jsapi.CodeNoPeers) && limit > smallSourceLimit:
		return s.ensureSource(ctx, source, limit/2)
	}
	return err
}
