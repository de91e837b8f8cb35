package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"clients/eventstore"
	"clients/eventstore/snapshotstore"
	"clients/projections/readmodel"
)

// Restore makes a directory that has followed nothing yet continue from the newest usable snapshot, and returns that. A
// snapshot that is damaged, of another format, or not of this stream is passed over with a warning. If none is left, the
// directory stays empty and the result is the zero Snapshot. The error is
//   - eventstore.ErrWentBackwards if the stream ends before a snapshot whose content can be decoded,
//   - snapshotstore.ErrGone if another replica has removed a snapshot meanwhile: there are newer ones,
//   - one of NATS if it does not respond.
//
// Then the directory is still empty.
func Restore(
	ctx context.Context, d *readmodel.Directory, bucket *snapshotstore.Bucket, store *eventstore.Store, log *slog.Logger,
) (snapshotstore.Snapshot, error) {
	snapshots, err := bucket.List(ctx)
	for _, snapshot := range snapshots {
		model, err := load(ctx, bucket, store, snapshot)
		switch {
		case err == nil:
			d.Restore(model)
			log.Info("snapshot loaded", "sequence", snapshot.Sequence, "clients", model.Len())
			return snapshot, nil
		case !Unusable(err):
			return snapshotstore.Snapshot{}, err
		}
		log.Warn("unusable snapshot ignored", "sequence", snapshot.Sequence, "reason", err)
	}
	return snapshotstore.Snapshot{}, err
}

// load decodes a snapshot of the stream of a store. It returns eventstore.ErrWentBackwards only if the content can be decoded.
func load(ctx context.Context, bucket *snapshotstore.Bucket, store *eventstore.Store, snapshot snapshotstore.Snapshot) (*readmodel.Model, error) {
	checked := store.Check(ctx, snapshot.Checkpoint)
	if checked != nil && !errors.Is(checked, eventstore.ErrWentBackwards) {
		return nil, checked
	}
	m, err := Read(ctx, bucket, snapshot)
	return m, errors.Join(err, checked)
}

// Read decodes a snapshot, and checks that it is of the message that its metadata name.
func Read(ctx context.Context, bucket *snapshotstore.Bucket, snapshot snapshotstore.Snapshot) (m *readmodel.Model, err error) {
	err = bucket.Read(ctx, snapshot, func(r io.Reader) (err error) {
		m, err = Decode(r)
		return err
	})
	if err == nil && (m.Sequence != snapshot.Sequence || !m.StoredAt.Equal(snapshot.StoredAt)) {
		err = fmt.Errorf("%w: it is of message %d, stored at %s", snapshotstore.ErrDamaged, m.Sequence, m.StoredAt)
	}
	return m, err
}

// Unusable reports whether an error is about a snapshot, and not about NATS that does not respond.
func Unusable(err error) bool {
	return errors.Is(err, eventstore.ErrOtherStream) || errors.Is(err, snapshotstore.ErrDamaged) || errors.Is(err, ErrUnreadable)
}
