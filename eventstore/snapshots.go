package eventstore

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// SnapshotMark says where in the stream a snapshot was taken, and how it is written.
type SnapshotMark struct {
	Sequence uint64
	StoredAt time.Time // of the message there
	Form     string    // what its content begins with; a former release did not tell it
}

// Snapshot is a snapshot in the store. Two are equal when they are the same.
type Snapshot struct {
	SnapshotMark
	SavedAt time.Time
	Size    uint64    // as it is stored
	made    time.Time // when the stream was made that it was taken of; zero where a former release did not tell it
	subject string    // of what is known of it
	nuid    string    // under which its chunks are stored
	chunks  uint32
	digest  string
	last    uint64 // sequence in the bucket's stream by which all of it is stored
}

// What the metadata of a snapshot's object holds.
const (
	snapshotSequence = "sequence"
	snapshotStoredAt = "stored-at"
	snapshotForm     = "form"
	snapshotMade     = "stream-created"
)

// ErrForeignSnapshot tells that a snapshot was not taken of this stream.
var ErrForeignSnapshot = errors.New("the snapshot is not one of this stream")

// CheckSnapshot makes sure that the stream still goes as far as a snapshot says, and has the message there that it was
// taken at. It does not look at the snapshot's content, so that ErrWentBackwards is only to be believed of one whose
// content is sound. The other answer of that kind is ErrForeignSnapshot; any other error tells that the store cannot be
// asked. From then on the stream is known by that message.
func (s *Store) CheckSnapshot(ctx context.Context, snapshot Snapshot) error {
	if err := s.reaches(ctx, snapshot); err != nil {
		return err
	}
	there, err := s.api.Message(ctx, Stream, jsapi.Query{Sequence: snapshot.Sequence})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		if s.reaches(ctx, snapshot) != nil { // whoever has answered now has not got that far
			return errBehind
		}
		return ErrForeignSnapshot
	}
	if jsapi.Classify(err) == jsapi.Refused { // and will be, whenever it is asked
		return fmt.Errorf("%w: message %d: %w", ErrForeignSnapshot, snapshot.Sequence, err)
	}
	if err != nil {
		return fmt.Errorf("message %d: %w", snapshot.Sequence, err)
	}
	if !there.Time.Equal(snapshot.StoredAt) {
		return ErrForeignSnapshot
	}
	s.guard.advance(checkpoint{snapshot.Sequence, snapshot.StoredAt})
	return nil
}

// reaches answers ErrWentBackwards where the stream ends before a snapshot.
func (s *Store) reaches(ctx context.Context, snapshot Snapshot) error {
	last, err := s.LastSequence(ctx)
	if err != nil || last >= snapshot.Sequence {
		return err
	}
	err = fmt.Errorf("%w: a snapshot was taken at %d, and it now ends at %d", ErrWentBackwards, snapshot.Sequence, last)
	if made := s.guard.created; !snapshot.made.IsZero() && !snapshot.made.Equal(made) {
		err = fmt.Errorf("%w; that was of the stream made at %s, and this one was made at %s", err, clock(snapshot.made), clock(made))
	}
	return err
}

// Snapshots are kept in the layout of JetStream's object stores, so that the tools for those can be used: each is an
// object, its content in chunks, and what is known of it in a message of its own.
const snapshotStreamName = "OBJ_" + SnapshotsBucket

func metaOf(encodedName string) string { return "$O." + SnapshotsBucket + ".M." + encodedName }

func encoded(name string) string { return base64.URLEncoding.EncodeToString([]byte(name)) }

func chunksOf(nuid string) string { return "$O." + SnapshotsBucket + ".C." + nuid }

// object is a snapshot as the object store describes it.
func (s Snapshot) object(size uint64) jetstream.ObjectInfo {
	return jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{
			Name:        nameOf(s.subject),
			Description: "The directory of clients at a sequence of " + Stream,
			Metadata: map[string]string{
				snapshotSequence: strconv.FormatUint(s.Sequence, 10),
				snapshotStoredAt: clock(s.StoredAt),
				snapshotForm:     s.Form,
				snapshotMade:     clock(s.made),
			},
			Opts: &jetstream.ObjectMetaOptions{ChunkSize: chunkSize},
		},
		Bucket: SnapshotsBucket, NUID: s.nuid, Size: size, Chunks: s.chunks, Digest: s.digest,
	}
}
