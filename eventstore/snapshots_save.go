package eventstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// SaveSnapshot stores what write writes as a snapshot, and forgets old ones. When it answers without error the snapshot
// was read back from the stream's leader just as it was written: what is not is never listed among the snapshots. Replicas
// that save at the same time save one each. A bucket that somebody has deleted is made again. It does not outlast ctx.
func (s *Store) SaveSnapshot(ctx context.Context, mark SnapshotMark, write func(io.Writer) error) error {
	saved, err := jsapi.WithContext(ctx, func() (Snapshot, error) { return s.saveSnapshot(ctx, mark, write) })
	if err != nil {
		return fmt.Errorf("save snapshot: %w", err)
	}
	s.sound.note(saved, true)
	if err := s.forgetSnapshots(ctx, mark.Form); err != nil {
		s.config.Log.Warn("old snapshots could not be forgotten", "error", err)
	}
	return nil
}

// saveSnapshot stores the chunks, reads them back, and only then makes a snapshot of them.
func (s *Store) saveSnapshot(ctx context.Context, mark SnapshotMark, write func(io.Writer) error) (Snapshot, error) {
	if err := s.patiently(ctx, s.ensureSnapshots); err != nil {
		return Snapshot{}, err
	}
	snapshot := Snapshot{SnapshotMark: mark, made: s.guard.created, nuid: rand.Text()}
	name := fmt.Sprintf("%020d-%d", mark.Sequence, time.Now().UnixNano())
	snapshot.subject = metaOf(encoded(name))
	chunks := &chunkWriter{ctx: ctx, store: s, nuid: snapshot.nuid, digest: sha256.New()}
	err := write(chunks)
	if err == nil {
		err = chunks.flush()
	}
	if err == nil {
		snapshot.chunks, snapshot.digest, snapshot.last = chunks.count, digestOf(chunks.digest), chunks.last
		err = s.sendChunks(ctx, snapshot, io.Discard)
	}
	if err != nil {
		_ = s.purgeSnapshots(context.WithoutCancel(ctx), chunksOf(snapshot.nuid)) // else they are forgotten later, as orphans
		return snapshot, err
	}
	meta, err := json.Marshal(snapshot.object(chunks.size))
	if err != nil {
		return snapshot, err
	}
	message := snapshotMessage(snapshot.subject, snapshot.nuid+".meta", meta)
	message.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	_, err = s.storePatiently(ctx, message)
	return snapshot, err // the chunks are left where they are: the message may have been stored
}

// chunkSize is what all chunks but the last hold.
const chunkSize = 128 << 10

// chunkWriter stores what is written to it as chunks, one after the other, each acknowledged before the next is sent.
type chunkWriter struct {
	ctx    context.Context
	store  *Store
	nuid   string
	chunk  []byte // that is being filled
	count  uint32
	size   uint64
	digest hash.Hash
	last   uint64 // sequence of the last chunk
}

func (w *chunkWriter) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		if w.chunk == nil {
			w.chunk = make([]byte, 0, chunkSize) // a new one each time: a message that is sent again has to be the same
		}
		n := min(len(p), chunkSize-len(w.chunk))
		w.chunk, p, written = append(w.chunk, p[:n]...), p[n:], written+n
		if len(w.chunk) == chunkSize {
			if err := w.flush(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// flush stores what is left.
func (w *chunkWriter) flush() error {
	if len(w.chunk) == 0 {
		return nil
	}
	message := snapshotMessage(chunksOf(w.nuid), fmt.Sprintf("%s.%d", w.nuid, w.count), w.chunk)
	ack, err := w.store.storePatiently(w.ctx, message)
	if err != nil {
		return err
	}
	_, _ = w.digest.Write(w.chunk)
	w.last, w.count, w.size, w.chunk = ack.Sequence, w.count+1, w.size+uint64(len(w.chunk)), nil
	return nil
}

// snapshotMessage makes a message that is stored once though it is sent more often, and in the snapshots' stream only.
func snapshotMessage(subject, id string, data []byte) *nats.Msg {
	header := nats.Header{jetstream.MsgIDHeader: {id}, jetstream.ExpectedStreamHeader: {snapshotStreamName}}
	return &nats.Msg{Subject: subject, Header: header, Data: data}
}

// snapshotPatience is how long one message of a snapshot is stored or read for: an election takes some seconds.
const snapshotPatience = 10 * time.Second

// patiently repeats a call until it has an answer, as long as that makes sense for a message of a snapshot.
func (s *Store) patiently(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, snapshotPatience)
	defer cancel()
	return jsapi.Retry(ctx, s.config.Log, call)
}

// storePatiently sends the identical message until it is acknowledged or refused.
func (s *Store) storePatiently(ctx context.Context, message *nats.Msg) (*jetstream.PubAck, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotPatience)
	defer cancel()
	for {
		attempt, cancel := context.WithTimeout(ctx, jsapi.RequestTimeout)
		ack, err := s.plain.PublishOnce(attempt, message)
		cancel()
		if verdict := jsapi.Classify(err); verdict != jsapi.Retryable && verdict != jsapi.Unknown || ctx.Err() != nil {
			return ack, err
		}
		jsapi.Pause(ctx)
	}
}

func digestOf(h hash.Hash) string { return "SHA-256=" + base64.URLEncoding.EncodeToString(h.Sum(nil)) }
