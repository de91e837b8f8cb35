package eventstore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// SnapshotMark says where in the stream a snapshot was taken.
type SnapshotMark struct {
	Sequence uint64
	StoredAt time.Time // of the message there
}

// Snapshot is a snapshot in the store.
type Snapshot struct {
	SnapshotMark
	SavedAt time.Time
	name    string
	nuid    string // under which its chunks are stored
	chunks  uint32
	digest  string
}

// What the metadata of a snapshot's object holds.
const (
	snapshotSequence = "sequence"
	snapshotStoredAt = "stored-at"
)

// keptSnapshots is how many snapshots are kept: when the newest cannot be read, the one before may do.
const keptSnapshots = 2

// SaveSnapshot stores what write writes as a snapshot, and forgets all but the newest ones. Replicas that save at the
// same time save one each.
func (s *Store) SaveSnapshot(ctx context.Context, mark SnapshotMark, write func(io.Writer) error) error {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(write(writer)) }()
	defer reader.Close()
	_, err := s.snapshots.Put(ctx, jetstream.ObjectMeta{
		Name:        fmt.Sprintf("%020d-%d", mark.Sequence, time.Now().UnixNano()),
		Description: "The directory of clients at a sequence of " + Stream,
		Metadata: map[string]string{
			snapshotSequence: strconv.FormatUint(mark.Sequence, 10),
			snapshotStoredAt: mark.StoredAt.UTC().Format(time.RFC3339Nano),
		},
	}, reader)
	if err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	if err := s.forgetSnapshots(ctx); err != nil {
		return fmt.Errorf("forget snapshots: %w", err)
	}
	return nil
}

// ErrForeignSnapshot tells that a snapshot was not taken of this stream.
var ErrForeignSnapshot = errors.New("the snapshot is not one of this stream")

// CheckSnapshot makes sure that the stream still goes as far as a snapshot and is the one that it was taken of. It
// answers ErrWentBackwards or ErrForeignSnapshot. From then on the stream is known by that message.
func (s *Store) CheckSnapshot(ctx context.Context, snapshot Snapshot) error {
	last, err := s.LastSequence(ctx)
	if err != nil {
		return err
	}
	if last < snapshot.Sequence {
		return fmt.Errorf("%w: a snapshot was taken at %d, and it now ends at %d", ErrWentBackwards, snapshot.Sequence, last)
	}
	there, err := s.next(ctx, "", snapshot.Sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && !there.StoredAt.Equal(snapshot.StoredAt) {
		return ErrForeignSnapshot
	}
	if err == nil {
		s.identity.advance(mark{snapshot.Sequence, snapshot.StoredAt})
	}
	return err
}

// orphanAge is how long chunks may lie without an object: one that is being saved has none yet.
const orphanAge = 10 * time.Minute

// forgetSnapshots removes all but the newest snapshots, and what is left of some that were never finished. It leaves no
// trace of them, where deleting an object would leave a marker for ever.
func (s *Store) forgetSnapshots(ctx context.Context) error {
	all, err := s.Snapshots(ctx)
	if err != nil {
		return err
	}
	stream, err := s.js.Stream(ctx, snapshotStreamName)
	if err != nil {
		return err
	}
	for _, old := range all[min(len(all), keptSnapshots):] {
		meta := metaOf(base64.URLEncoding.EncodeToString([]byte(old.name)))
		if err := errors.Join(stream.Purge(ctx, jetstream.WithPurgeSubject(meta)), stream.Purge(ctx, jetstream.WithPurgeSubject(chunksOf(old.nuid)))); err != nil {
			return err
		}
	}
	return s.forgetOrphans(ctx, stream, orphanAge)
}

// forgetOrphans removes chunks that are older than age and belong to no snapshot.
func (s *Store) forgetOrphans(ctx context.Context, stream jetstream.Stream, age time.Duration) error {
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(chunksOf("*")))
	if err != nil {
		return err
	}
	all, err := s.Snapshots(ctx)
	if err != nil {
		return err
	}
	for subject := range info.State.Subjects {
		nuid := strings.TrimPrefix(subject, chunksOf(""))
		if slices.ContainsFunc(all, func(s Snapshot) bool { return s.nuid == nuid }) {
			continue
		}
		last, err := stream.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && time.Since(last.Time) < age {
			continue
		}
		if err == nil {
			err = stream.Purge(ctx, jetstream.WithPurgeSubject(subject))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// How the object store stores its objects.
const snapshotStreamName = "OBJ_" + SnapshotsBucket

func metaOf(name string) string { return "$O." + SnapshotsBucket + ".M." + name }

func chunksOf(nuid string) string { return "$O." + SnapshotsBucket + ".C." + nuid }
