// Package snapshotstore keeps snapshots of the read model in a JetStream object store, the bucket CLIENTS_SNAPSHOTS, so that
// the tools for object stores can be used on them.
//
//	Save: bucket -> content -> chunks -> metadata -> read back from the leader -> remove old ones
//	List: leader of the bucket's stream -> Snapshot of each object
//	Read: leader of the bucket's stream -> chunks -> read; then the digest is compared
//
// Each snapshot is an object of its own, with a name that is used once. Its metadata says at which sequence of the stream
// CLIENTS it was taken, when the message there was stored, and which format its content has. Replicas that save at the same
// time save one each.
//
// Save is successful only if the content that the leader returns has the digest of what was written. Until it is read back
// a snapshot is listed already; Read finds out if it is damaged.
//
// List and Read ask the leader of the bucket's stream, message by message, and not ObjectStore.List and Get: these read
// through a consumer, which may be on a server that is behind. Then a start could miss the newest snapshot, and with it the
// proof that the stream CLIENTS has lost its end; a chunk that is not there yet would look like damage; and the chunks of an
// object that is not listed yet would be removed as leftovers.
//
// Save keeps the two newest snapshots of its format and purges the others: both the chunks and the metadata, since
// ObjectStore.Delete leaves a marker for each object forever. A purge does not overwrite: the bytes stay in the stream's
// files until those are deleted. To remove the content of old snapshots from the disk, [Bucket.Delete] deletes the stream;
// the next Save creates it again.
package snapshotstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"clients/eventstore"
	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Name is the name of the bucket.
const Name = eventstore.SnapshotsBucket

// Stream is the stream behind the bucket.
const Stream = eventstore.SnapshotsStream

// Config says how a bucket is created.
type Config struct {
	Replicas int
	Log      *slog.Logger
}

// Bucket holds snapshots. It is safe for concurrent use.
type Bucket struct {
	api    *jsapi.Client
	config Config
}

// New returns the bucket of a NATS system. It need not exist yet.
func New(nc *nats.Conn, config Config) *Bucket { return &Bucket{api: jsapi.New(nc), config: config} }

// Ensure creates the bucket, or checks that the existing one has the settings that it needs. Otherwise the error is a
// *eventstore.ConfigError. It waits for a leader until ctx ends.
func (b *Bucket) Ensure(ctx context.Context) error {
	return jsapi.Retry(ctx, b.config.Log, func(ctx context.Context) error {
		_, err := b.api.EnsureStream(ctx, jetstream.StreamConfig{
			Name:        Stream,
			Description: "Snapshots of the directory of clients",
			Subjects:    []string{chunkSubject(">"), metaSubject(">")},
			Storage:     jetstream.FileStorage,
			Replicas:    b.config.Replicas,
			Discard:     jetstream.DiscardNew,
			AllowRollup: true,
			AllowDirect: true,
		})
		return err
	})
}

// Delete deletes the bucket with its files, in which removed snapshots still are. One that does not exist is no error.
func (b *Bucket) Delete(ctx context.Context) error {
	err := b.api.Do(ctx, "STREAM.DELETE."+Stream, nil)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("delete snapshots: %w", err)
	}
	return nil
}

// Format is what each snapshot begins with, and what its metadata say. Any change of the layout, a further attribute included,
// needs another number. The first start with it reads the whole stream, and does not notice a stream that ends before a snapshot
// of the former format.
const Format = "clients snapshot 1\n"

// Snapshot is a snapshot in the bucket.
type Snapshot struct {
	eventstore.Checkpoint // the message of the stream CLIENTS at which it was taken
	Format                string
	SavedAt               time.Time

	subject  string // of its metadata
	sequence uint64 // of its metadata, in the bucket's stream: later than all chunks
	nuid     string // names the subject of its chunks
	chunks   uint32
	digest   string
}

// The metadata of an object.
const (
	keySequence = "sequence"
	keyStoredAt = "stored-at"
	keyFormat   = "form"
)

func metadata(c eventstore.Checkpoint) map[string]string {
	return map[string]string{
		keySequence: strconv.FormatUint(c.Sequence, 10),
		keyStoredAt: c.StoredAt.UTC().Format(time.RFC3339Nano),
		keyFormat:   Format,
	}
}

// snapshotOf returns the snapshot that an object is, or one without a checkpoint.
func snapshotOf(object jetstream.ObjectInfo, m jsapi.Message) Snapshot {
	s := Snapshot{
		Format: object.Metadata[keyFormat], SavedAt: m.Time.UTC(), subject: m.Subject, sequence: m.Sequence,
		nuid: object.NUID, chunks: object.Chunks, digest: object.Digest,
	}
	sequence, err := strconv.ParseUint(object.Metadata[keySequence], 10, 64)
	storedAt, invalid := time.Parse(time.RFC3339Nano, object.Metadata[keyStoredAt])
	if err == nil && invalid == nil {
		s.Checkpoint = eventstore.Checkpoint{Sequence: sequence, StoredAt: storedAt}
	}
	return s
}

// The layout of object stores.

func metaSubject(name string) string { return "$O." + Name + ".M." + name }

func chunkSubject(nuid string) string { return "$O." + Name + ".C." + nuid }
