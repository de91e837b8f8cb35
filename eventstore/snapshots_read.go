package eventstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Snapshots are read from the leader of their stream, message by message: a consumer, as the object store's own reading
// makes one, may be on a server that is behind, and then keeps a start waiting.

// Snapshots answers what snapshots there are, the one that was taken last first.
func (s *Store) Snapshots(ctx context.Context) ([]Snapshot, error) {
	all, strangers, err := listSnapshots(ctx, s.nc)
	for _, stranger := range strangers {
		s.config.Log.Warn(stranger + " and is left alone")
	}
	return all, err
}

// listSnapshots also tells what is among the snapshots and is none.
func listSnapshots(ctx context.Context, nc *nats.Conn) (all []Snapshot, strangers []string, err error) {
	var info streamInfo
	err = ask(ctx, nc, "STREAM.INFO."+snapshotStreamName, map[string]any{"subjects_filter": metaOf(">")}, &info)
	if err != nil {
		return nil, nil, fmt.Errorf("snapshots: %w", err)
	}
	for subject := range info.State.Subjects {
		var answer storedMessage
		err := ask(ctx, nc, "STREAM.MSG.GET."+snapshotStreamName, map[string]any{"last_by_subj": subject}, &answer)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue // forgotten by a replica
		}
		if err != nil {
			return nil, nil, fmt.Errorf("snapshots: %w", err)
		}
		if snapshot, err := snapshotOf(answer.Message.Data, answer.Message.Time); err == nil {
			all = append(all, snapshot)
		} else {
			strangers = append(strangers, fmt.Sprintf("the object %q among the snapshots is none", nameOf(subject)))
		}
	}
	slices.SortFunc(all, func(a, b Snapshot) int {
		return cmp.Or(cmp.Compare(b.Sequence, a.Sequence), b.SavedAt.Compare(a.SavedAt))
	})
	return all, strangers, nil
}

// nameOf is the name of the object whose metadata is on a subject.
func nameOf(subject string) string {
	encoded := strings.TrimPrefix(subject, metaOf(""))
	if name, err := base64.URLEncoding.DecodeString(encoded); err == nil {
		return string(name)
	}
	return encoded
}

func snapshotOf(meta []byte, savedAt time.Time) (Snapshot, error) {
	var object jetstream.ObjectInfo
	if err := json.Unmarshal(meta, &object); err != nil {
		return Snapshot{}, err
	}
	snapshot := Snapshot{name: object.Name, nuid: object.NUID, chunks: object.Chunks, digest: object.Digest, SavedAt: savedAt}
	var bad [2]error
	snapshot.Sequence, bad[0] = strconv.ParseUint(object.Metadata[snapshotSequence], 10, 64)
	snapshot.StoredAt, bad[1] = time.Parse(time.RFC3339Nano, object.Metadata[snapshotStoredAt])
	return snapshot, errors.Join(bad[:]...)
}

// ErrSnapshotDamaged tells that a snapshot is not what was saved.
var ErrSnapshotDamaged = errors.New("the snapshot is not what was saved")

// ReadSnapshot hands a snapshot to read. It answers ErrSnapshotDamaged, maybe only after read has read all of it, when
// that was not what had been saved, else what read answers.
func (s *Store) ReadSnapshot(ctx context.Context, snapshot Snapshot, read func(io.Reader) error) error {
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := s.sendChunks(ctx, snapshot, writer)
		writer.CloseWithError(err)
		sent <- err
	}()
	err := read(reader)
	if err == nil {
		_, err = io.Copy(io.Discard, reader)
	}
	_ = reader.Close()
	if damage := <-sent; errors.Is(damage, ErrSnapshotDamaged) {
		return damage
	}
	return err
}

func (s *Store) sendChunks(ctx context.Context, snapshot Snapshot, to io.Writer) error {
	digest := sha256.New()
	next := uint64(1)
	for n := range snapshot.chunks {
		var answer storedMessage
		question := map[string]any{"seq": next, "next_by_subj": chunksOf(snapshot.nuid)}
		err := ask(ctx, s.nc, "STREAM.MSG.GET."+snapshotStreamName, question, &answer)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("%w: it has %d of %d chunks", ErrSnapshotDamaged, n, snapshot.chunks)
		}
		if err != nil {
			return fmt.Errorf("read snapshot: %w", err)
		}
		next = answer.Message.Sequence + 1
		_, _ = digest.Write(answer.Message.Data)
		if _, err := to.Write(answer.Message.Data); err != nil {
			return err
		}
	}
	if sum := "SHA-256=" + base64.URLEncoding.EncodeToString(digest.Sum(nil)); sum != snapshot.digest {
		return fmt.Errorf("%w: its digest is %s and not %s", ErrSnapshotDamaged, sum, snapshot.digest)
	}
	return nil
}
