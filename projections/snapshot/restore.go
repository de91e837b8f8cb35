package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"clients/eventstore"
	"clients/eventstore/snapshotstore"
	"clients/projections/readmodel"
)

// Stream is the stream that snapshots are taken of.
type Stream interface {
	// Check compares a checkpoint with the stream: see eventstore.Store.
	Check(ctx context.Context, c eventstore.Checkpoint) error
}

// maxUnusable is how many snapshots are passed over before the whole stream is read instead.
const maxUnusable = 100

// Restore makes a directory that has followed nothing yet continue from the newest usable snapshot, and returns that. A
// snapshot that is damaged, of another format, or not of this stream is passed over with a warning. If none is left, the
// directory stays empty and the result is the zero Snapshot. The error is
//   - eventstore.ErrWentBackwards if the stream ends before a snapshot whose content can be decoded,
//   - one of NATS if it does not respond. The directory is still empty.
func Restore(
	ctx context.Context, d *readmodel.Directory, bucket *snapshotstore.Bucket, stream Stream, log *slog.Logger,
) (snapshotstore.Snapshot, error) {
	unusable := make(map[snapshotstore.Snapshot]bool)
	for len(unusable) < maxUnusable {
		listing, err := bucket.List(ctx) // each time: other replicas save while this one reads
		if err != nil {
			return snapshotstore.Snapshot{}, err
		}
		next := slices.IndexFunc(listing.Snapshots, func(s snapshotstore.Snapshot) bool { return !unusable[s] })
		if next < 0 {
			break
		}
		snapshot := listing.Snapshots[next]
		model, err := load(ctx, bucket, stream, snapshot)
		if err == nil {
			d.Restore(model)
			log.Info("snapshot loaded", "sequence", snapshot.Sequence, "clients", model.Len())
			return snapshot, nil
		}
		if !Unusable(err) {
			return snapshotstore.Snapshot{}, err
		}
		log.Warn("unusable snapshot ignored", "sequence", snapshot.Sequence, "reason", err)
		unusable[snapshot] = true
	}
	return snapshotstore.Snapshot{}, nil
}

// load decodes a snapshot that is what its metadata says. It returns eventstore.ErrWentBackwards only if its
// content agrees.
func load(ctx context.Context, bucket *snapshotstore.Bucket, stream Stream, snapshot snapshotstore.Snapshot) (*readmodel.Model, error) {
	checked := stream.Check(ctx, snapshot.Checkpoint)
	if checked != nil && !errors.Is(checked, eventstore.ErrWentBackwards) {
		return nil, checked
	}
	m, err := Read(ctx, bucket, snapshot)
	if err == nil && !m.StoredAt.Equal(snapshot.StoredAt) {
		err = fmt.Errorf("%w: its message was stored at %s", snapshotstore.ErrDamaged, m.StoredAt)
	}
	return m, errors.Join(err, checked)
}

// Read decodes a snapshot, and checks that it has the sequence of its metadata.
func Read(ctx context.Context, bucket *snapshotstore.Bucket, snapshot snapshotstore.Snapshot) (m *readmodel.Model, err error) {
	err = bucket.Read(ctx, snapshot, func(r io.Reader) (err error) {
		m, err = Decode(r)
		return err
	})
	if err == nil && m.Sequence != snapshot.Sequence {
		err = fmt.Errorf("%w: it is of sequence %d", snapshotstore.ErrDamaged, m.Sequence)
	}
	return m, err
}

// Unusable reports whether an error is about a snapshot, and not about NATS that does not respond.
func Unusable(err error) bool {
	for _, reason := range []error{eventstore.ErrOtherStream, snapshotstore.ErrDamaged, snapshotstore.ErrGone, ErrUnreadable} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}
