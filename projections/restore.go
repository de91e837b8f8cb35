package projections

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"clients/eventstore"
)

// SnapshotStore is where snapshots are kept.
type SnapshotStore interface {
	Snapshots(ctx context.Context) ([]eventstore.Snapshot, error)
	CheckSnapshot(ctx context.Context, snapshot eventstore.Snapshot) error
	ReadSnapshot(ctx context.Context, snapshot eventstore.Snapshot, read func(io.Reader) error) error
	SaveSnapshot(ctx context.Context, mark eventstore.SnapshotMark, write func(io.Writer) error) error
}

// RestoreNewest puts a directory that has followed nothing yet where the newest good snapshot was taken. One that is
// damaged, of a form that cannot be read, or not of this stream, is passed over with a warning; where none is left, the
// directory stays as it is and the answer is empty. The error is eventstore.ErrWentBackwards where the stream ends before
// a snapshot whose content is sound; any other tells that the store did not answer, and the directory is as new.
func (d *Directory) RestoreNewest(ctx context.Context, store SnapshotStore) (eventstore.Snapshot, error) {
	passed := make(map[eventstore.Snapshot]bool)
	for len(passed) < maxPassed {
		all, err := store.Snapshots(ctx) // each time: others save while this one reads
		if err != nil {
			return eventstore.Snapshot{}, err
		}
		next := slices.IndexFunc(all, func(s eventstore.Snapshot) bool { return !passed[s] })
		if next < 0 {
			break
		}
		snapshot := all[next]
		if err = d.restoreSnapshot(ctx, store, snapshot); err == nil {
			d.log.Info("the snapshot is read", "sequence", snapshot.Sequence, "clients", d.Stats().Clients)
			return snapshot, nil
		}
		d.reset()
		if !unusable(err) {
			return eventstore.Snapshot{}, err
		}
		d.log.Warn("a snapshot cannot be used and is ignored", "sequence", snapshot.Sequence, "reason", err)
		passed[snapshot] = true
	}
	return eventstore.Snapshot{}, nil
}

// maxPassed is how many snapshots are passed over before the whole stream is read instead.
const maxPassed = 100

// restoreSnapshot restores a snapshot that is what its metadata says. That the stream ends before it is only believed when
// its content says so, too: anybody who may write to the bucket can put metadata there.
func (d *Directory) restoreSnapshot(ctx context.Context, store SnapshotStore, snapshot eventstore.Snapshot) error {
	checked := store.CheckSnapshot(ctx, snapshot)
	if checked != nil && !errors.Is(checked, eventstore.ErrWentBackwards) {
		return checked
	}
	if err := store.ReadSnapshot(ctx, snapshot, d.Restore); err != nil {
		return err
	}
	if at := d.Stats(); at.Sequence != snapshot.Sequence || !at.StoredAt.Equal(snapshot.StoredAt) {
		return fmt.Errorf("%w: it is one of sequence %d, stored at %s", eventstore.ErrSnapshotDamaged, at.Sequence, at.StoredAt)
	}
	return checked
}

// unusable tells whether an error says of a snapshot that it is of no use, and not that the store did not answer.
func unusable(err error) bool {
	for _, reason := range []error{eventstore.ErrForeignSnapshot, eventstore.ErrSnapshotDamaged, eventstore.ErrOtherForm, ErrSnapshot} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}
