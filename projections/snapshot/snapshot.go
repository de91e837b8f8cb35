// Package snapshot saves the read model from time to time, so that a start reads one snapshot and the end of the stream,
// and not all of the stream.
//
//	readmodel.Directory.View -> Encode -> snapshotstore.Bucket   every 30 s or 50,000 events: Snapshotter
//	Bucket -> Decode -> readmodel.Directory.Restore              at a start: Restore
//	Bucket -> Decode, then the stream -> Model                   without a service: Replay
//
// A snapshot is snapshotstore.Format, followed by zstd-compressed data with a checksum: numbers as varints, in a fixed order. Releases with
// the same format read each other's snapshots, so that they can run side by side and be rolled back without reading the
// whole stream. No library writes exactly these bytes. A coder describes each structure once, for both directions
// (layout.go).
//
// A snapshot that cannot be decoded is passed over: the one before is used, or the whole stream is read. It is never
// decoded into something else than what was encoded: the bucket has a SHA-256 of all bytes, and zstd a checksum of its own.
//
// A snapshot is also a record of how far the stream once went. Restore refuses to start on a stream that ends before a
// snapshot that can be decoded (eventstore.ErrWentBackwards).
//
// Digest is the same for equal models. An audit compares the digest of each snapshot with that of the model that it has
// folded from the stream; it does not say which clients differ.
package snapshot

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"clients/eventstore/snapshotstore"
	"clients/projections/readmodel"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats-server/v2/server/avl"
)

// ErrUnreadable means that a snapshot is truncated, damaged, or of another format.
var ErrUnreadable = errors.New("the snapshot cannot be read")

// Encode writes a view as a snapshot.
func Encode(w io.Writer, v readmodel.View) error {
	compressor, _ := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(true)) // only options can fail
	_, err := io.WriteString(w, snapshotstore.Format)
	if err == nil {
		err = encode(compressor, v)
	}
	return errors.Join(err, compressor.Close())
}

// Decode reads what Encode has written into a new model. The error is an ErrUnreadable.
func Decode(r io.Reader) (*readmodel.Model, error) { return DecodeInto(readmodel.NewModel(), r) }

// DecodeInto reads into an empty model, and returns it. After an error the model must not be used.
func DecodeInto(m *readmodel.Model, r io.Reader) (*readmodel.Model, error) {
	format := make([]byte, len(snapshotstore.Format))
	if _, err := io.ReadFull(r, format); err != nil || string(format) != snapshotstore.Format {
		return nil, fmt.Errorf("%w: it is of another format", ErrUnreadable)
	}
	decompressor, _ := zstd.NewReader(r, zstd.WithDecoderConcurrency(2)) // only options can fail
	defer decompressor.Close()
	if err := decode(bufio.NewReaderSize(decompressor, 1<<20), m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return m, nil
}

// Digest is the same for views of equal models. Repeated events are no part of it: models may know less of them.
func Digest(v readmodel.View) [sha256.Size]byte {
	hash := sha256.New()
	v.Repeated = new(avl.SequenceSet)
	_ = encode(hash, v) // a hash takes everything
	return [sha256.Size]byte(hash.Sum(nil))
}
