package eventstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// The streams of this package, and the one that shows that there were events. Those of the folders below are named there.
const (
	Stream   = "CLIENTS"     // every event, in one order
	IDStream = "CLIENTS_IDS" // a counter: the highest client id handed out

	SnapshotsBucket = "CLIENTS_SNAPSHOTS"      // of the read model: an object store, see snapshotstore
	SnapshotsStream = "OBJ_" + SnapshotsBucket // the stream behind the bucket
)

// EpochKey is the metadata of the stream that names its epoch.
const EpochKey = "epoch"

// EpochOf returns the epoch of a stream: the one that its metadata names, or else the time at which it was created.
func EpochOf(named string, created time.Time) string { return cmp.Or(named, clock(created)) }

const (
	clientSubjects    = "clients.>"           // public: what has happened to clients
	referenceSubjects = "client-references.>" // internal: what was learned of their projects and invoices
	idSubject         = "client-ids"
)

func eventStream(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               Stream,
		Description:        "What has happened to clients. Subscribe to clients.>",
		Subjects:           []string{clientSubjects, referenceSubjects},
		Storage:            jetstream.FileStorage,
		Replicas:           replicas,
		Discard:            jetstream.DiscardNew,
		Duplicates:         2 * time.Minute,
		AllowDirect:        true,
		AllowAtomicPublish: true,
	}
}

// idStream is a counter, in one message.
func idStream(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              IDStream,
		Description:       "The highest client id handed out",
		Subjects:          []string{idSubject},
		Storage:           jetstream.FileStorage,
		Replicas:          replicas,
		MaxMsgsPerSubject: 1,
		AllowDirect:       true,
		AllowMsgCounter:   true,
	}
}

// ensureStreams creates the streams, or checks those that exist, and reads what was removed.
func (s *Store) ensureStreams(ctx context.Context) error {
	if err := s.ensureEvents(ctx); err != nil {
		return err
	}
	if _, err := s.api.EnsureStream(ctx, idStream(s.config.Replicas)); err != nil {
		return err
	}
	if err := s.Removals.Read(ctx, s.api); err != nil {
		return jsapi.OfStream(Stream, err)
	}
	return nil
}

// ensureEvents creates the stream of events, or checks the one that exists.
func (s *Store) ensureEvents(ctx context.Context) error {
	stream, err := s.api.JetStream.Stream(ctx, Stream)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		err = s.checkNotLost(ctx)
	case err != nil:
		err = jsapi.OfStream(Stream, err)
	case slices.Contains(stream.CachedInfo().Config.Subjects, RestoreSubject):
		err = jsapi.Permanent(ErrUnfinishedRestore)
	}
	if err != nil {
		return err
	}
	info, err := s.api.EnsureStream(ctx, eventStream(s.config.Replicas))
	if err == nil {
		s.guard.created = info.Created
		if info.Cluster != nil {
			s.guard.group = info.Cluster.RaftGroup
		}
		s.guard.setEpoch(info.Config.Metadata[EpochKey])
	}
	return err
}

// checkNotLost returns ErrStreamLost if the stream is gone and has left something behind: a snapshot of it, or ids.
func (s *Store) checkNotLost(ctx context.Context) error {
	for _, left := range []string{SnapshotsStream, IDStream} {
		info, err := s.api.StreamInfo(ctx, left)
		if errors.Is(err, jetstream.ErrStreamNotFound) || err == nil && info.State.Messages == 0 {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := s.api.JetStream.Stream(ctx, Stream); !errors.Is(err, jetstream.ErrStreamNotFound) {
			return err // another replica has just created it, and used it
		}
		return jsapi.Permanent(fmt.Errorf("%w (stream %s holds %d messages)", ErrStreamLost, left, info.State.Messages))
	}
	return nil
}
