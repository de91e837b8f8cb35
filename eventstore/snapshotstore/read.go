package snapshotstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrDamaged means that the content of a snapshot is not what was saved.
var ErrDamaged = errors.New("the snapshot is damaged")

// ErrGone means that a snapshot was removed.
var ErrGone = errors.New("the snapshot was removed")

// errBehind means that a leader has not stored yet what was listed.
var errBehind = errors.New("the leader of the snapshot stream is behind")

// Read calls read with the content of a snapshot. The error is
//   - ErrDamaged where the content is not what was saved; read may have read all of it by then,
//   - ErrGone where the snapshot was removed,
//   - that of read,
//   - otherwise one of the requests to the leader.
func (b *Bucket) Read(ctx context.Context, s Snapshot, read func(io.Reader) error) error {
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := b.send(ctx, s, writer)
		writer.CloseWithError(err)
		sent <- err
	}()
	err := read(reader)
	if err == nil {
		_, err = io.Copy(io.Discard, reader)
	}
	_ = reader.Close()
	if failure := <-sent; failure != nil && !errors.Is(failure, io.ErrClosedPipe) { // which says that read wants no more
		err = failure
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	return b.explain(ctx, s, err)
}

// explain returns ErrGone where a snapshot could not be read because it was removed meanwhile, and another error where the leader
// cannot say so.
func (b *Bucket) explain(ctx context.Context, s Snapshot, err error) error {
	info, failure := b.api.StreamInfo(ctx, Stream)
	switch {
	case errors.Is(failure, jetstream.ErrStreamNotFound):
		return ErrGone
	case failure != nil:
		return failure
	case info.State.Last < s.sequence: // or the bucket was made again
		return errBehind
	}
	objects, failure := b.objects(ctx)
	if failure == nil && !slices.ContainsFunc(objects, func(o Snapshot) bool { return o.nuid == s.nuid }) {
		return ErrGone
	}
	return err
}

// send writes the chunks of a snapshot, and compares their digest.
func (b *Bucket) send(ctx context.Context, s Snapshot, to io.Writer) error {
	digest := sha256.New()
	next := uint64(1)
	for n := range s.chunks {
		var chunk jsapi.Message
		err := jsapi.Retry(ctx, b.config.Log, func(ctx context.Context) (err error) {
			chunk, err = b.api.Message(ctx, Stream, jsapi.Query{Sequence: next, NextBySubject: chunkSubject(s.nuid)})
			return err
		})
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("%w: it has %d of %d chunks", ErrDamaged, n, s.chunks)
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
	if sum := jetstream.GetObjectDigestValue(digest); sum != s.digest {
		return fmt.Errorf("%w: its digest is %s and not %s", ErrDamaged, sum, s.digest)
	}
	return nil
}
