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

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// Snapshots are read from the leader of their stream, message by message: a consumer, as the object store's own reading
// makes one, may be on a server that is behind, and then keeps a start waiting.

// Snapshots answers what snapshots there are, the one that was taken last first. That is what is said of them: see
// CheckSnapshot and ReadSnapshot for whether it is true.
func (s *Store) Snapshots(ctx context.Context) ([]Snapshot, error) {
	there, err := s.inventory(ctx)
	for _, stranger := range there.strangers {
		s.warnOnce(stranger + " and is left alone")
	}
	return there.snapshots, err
}

// warnOnce warns, and does not repeat itself.
func (s *Store) warnOnce(message string) {
	if _, again := s.warned.LoadOrStore(message, true); !again {
		s.config.Log.Warn(message)
	}
}

// inventory is what is in the bucket of snapshots.
type inventory struct {
	snapshots []Snapshot      // the one that was taken last first
	strangers []string        // what else there is, in words
	chunks    map[string]bool // those that belong to an object, by nuid
}

// inventory asks the leader of the bucket's stream. Where there is none there is nothing in it.
func (s *Store) inventory(ctx context.Context) (inventory, error) {
	there := inventory{chunks: make(map[string]bool)}
	info, err := s.api.StreamSubjects(ctx, snapshotStreamName, metaOf(">"))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return there, nil
	}
	for subject := range info.State.Subjects {
		var meta jsapi.Message
		meta, err = s.api.Message(ctx, snapshotStreamName, jsapi.Query{LastBySubject: subject})
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			err = nil // forgotten by a replica
			continue
		}
		if err != nil {
			break
		}
		there.add(subject, meta)
	}
	if err != nil {
		return inventory{}, fmt.Errorf("snapshots: %w", err)
	}
	slices.SortFunc(there.snapshots, func(a, b Snapshot) int {
		return cmp.Or(cmp.Compare(b.Sequence, a.Sequence), b.SavedAt.Compare(a.SavedAt))
	})
	return there, nil
}

func (i *inventory) add(subject string, meta jsapi.Message) {
	var object jetstream.ObjectInfo
	err := json.Unmarshal(meta.Data, &object)
	if object.Deleted { // by means of the object store, which leaves a marker
		return
	}
	i.chunks[object.NUID] = true
	snapshot, bad := snapshotOf(object)
	if err != nil || bad != nil {
		i.strangers = append(i.strangers, fmt.Sprintf("the object %q among the snapshots is none", nameOf(subject)))
		return
	}
	snapshot.subject, snapshot.SavedAt, snapshot.last = subject, meta.Time.UTC(), meta.Sequence
	i.snapshots = append(i.snapshots, snapshot)
}

// nameOf is the name of the object whose metadata is on a subject.
func nameOf(subject string) string {
	encoded := strings.TrimPrefix(subject, metaOf(""))
	if name, err := base64.URLEncoding.DecodeString(encoded); err == nil {
		return string(name)
	}
	return encoded
}

// snapshotOf reads what Snapshot.object writes, or a former release has written.
func snapshotOf(object jetstream.ObjectInfo) (Snapshot, error) {
	snapshot := Snapshot{nuid: object.NUID, chunks: object.Chunks, digest: object.Digest, Size: object.Size}
	snapshot.Form = object.Metadata[snapshotForm]
	var bad [4]error
	if snapshot.Sequence, bad[0] = strconv.ParseUint(object.Metadata[snapshotSequence], 10, 64); bad[0] == nil && snapshot.Sequence == 0 {
		bad[0] = errors.New("there is no message 0")
	}
	snapshot.StoredAt, bad[1] = time.Parse(time.RFC3339Nano, object.Metadata[snapshotStoredAt])
	if made, told := object.Metadata[snapshotMade]; told {
		snapshot.made, bad[2] = time.Parse(time.RFC3339Nano, made)
	}
	if object.NUID == "" || strings.ContainsAny(object.NUID, ".*> ") {
		bad[3] = errors.New("its chunks are not on a subject of their own")
	}
	snapshot.StoredAt, snapshot.made = snapshot.StoredAt.UTC(), snapshot.made.UTC()
	return snapshot, errors.Join(bad[:]...)
}

// ErrSnapshotDamaged tells that a snapshot is not what was saved.
var ErrSnapshotDamaged = errors.New("the snapshot is not what was saved")

// ReadSnapshot hands a snapshot to read. It answers ErrSnapshotDamaged, maybe only after read has read all of it, when
// that was not what had been saved; what read answers, when it had read that much or did not want more; any other error
// tells that the store did not answer.
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
	if failure := <-sent; failure != nil && !errors.Is(failure, io.ErrClosedPipe) { // else nobody wanted more
		return failure
	}
	return err
}

// ErrOtherForm tells that a snapshot is of another form than was asked for.
var ErrOtherForm = errors.New("the snapshot is of another form")

// OfForm is for ReadSnapshot. It makes sure that a snapshot begins as those of a form do, and answers ErrOtherForm where it
// does not.
func OfForm(form string) func(io.Reader) error {
	return func(r io.Reader) error {
		begin := make([]byte, len(form))
		n, err := io.ReadFull(r, begin)
		if string(begin[:n]) == form {
			return nil
		}
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return ErrOtherForm
		}
		return err
	}
}

func (s *Store) sendChunks(ctx context.Context, snapshot Snapshot, to io.Writer) error {
	digest := sha256.New()
	next := uint64(1)
	for n := range snapshot.chunks {
		chunk, err := s.chunk(ctx, snapshot, next)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("%w: it has %d of %d chunks", ErrSnapshotDamaged, n, snapshot.chunks)
		}
		if err != nil {
			return fmt.Errorf("read snapshot: %w", err)
		}
		next = chunk.Sequence + 1
		_, _ = digest.Write(chunk.Data)
		if _, err := to.Write(chunk.Data); err != nil {
			return err
		}
	}
	if sum := digestOf(digest); sum != snapshot.digest {
		return fmt.Errorf("%w: its digest is %s and not %s", ErrSnapshotDamaged, sum, snapshot.digest)
	}
	return nil
}

// chunk answers the first chunk of a snapshot from a sequence on, or jetstream.ErrMsgNotFound where there is none.
func (s *Store) chunk(ctx context.Context, snapshot Snapshot, sequence uint64) (chunk jsapi.Message, err error) {
	question := jsapi.Query{Sequence: sequence, NextBySubject: chunksOf(snapshot.nuid)}
	err = s.patiently(ctx, func(ctx context.Context) (err error) {
		chunk, err = s.api.Message(ctx, snapshotStreamName, question)
		if !errors.Is(err, jetstream.ErrMsgNotFound) {
			return err
		}
		info, asked := s.api.StreamInfo(ctx, snapshotStreamName)
		if asked == nil && info.State.Last < snapshot.last {
			asked = errBehind
		}
		return cmp.Or(asked, err)
	})
	return chunk, err
}
