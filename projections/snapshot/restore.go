package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"clients/eventstore"
	"clients/projections/readmodel"
)

// Store is where snapshots are kept.
type Store interface {
	Snapshots(ctx context.Context) ([]eventstore.Snapshot, error)
	CheckSnapshot(ctx context.Context, snapshot eventstore.Snapshot) error
	ReadSnapshot(ctx context.Context, snapshot eventstore.Snapshot, read func(io.Reader) error) error
	SaveSnapshot(ctx context.Context, mark eventstore.SnapshotMark, write func(io.Writer) error) error
}

// maxUnusable is how many snapshots are passed over before the whole stream is read instead.
const maxUnusable = 100

// Restore makes a directory that has followed nothing yet go on from the newest usable snapshot, and returns that. A
// snapshot that is damaged, of another format, or not of this stream is passed over with a warning. Where none is left, the
// directory stays empty and the result is the zero Snapshot. The error is
//   - eventstore.ErrWentBackwards where the stream ends before a snapshot whose content is sound,
//   - that of the store where it does not respond. The directory is still empty.
func Restore(ctx context.Context, d *readmodel.Directory, store Store, log *slog.Logger) (eventstore.Snapshot, error) {
	unusable := make(map[eventstore.Snapshot]bool)
	for len(unusable) < maxUnusable {
		all, err := store.Snapshots(ctx) // each time: other replicas save while this one reads
		if err != nil {
			return eventstore.Snapshot{}, err
		}
		next := slices.IndexFunc(all, func(s eventstore.Snapshot) bool { return !unusable[s] })
		if next < 0 {
			break
		}
		snapshot := all[next]
		model, err := load(ctx, store, snapshot)
		if err == nil {
			d.Restore(model)
			log.Info("the snapshot is read", "sequence", snapshot.Sequence, "clients", model.Len())
			return snapshot, nil
		}
		if !Unusable(err) {
			return eventstore.Snapshot{}, err
		}
		log.Warn("a snapshot cannot be used and is ignored", "sequence", snapshot.Sequence, "reason", err)
		unusable[snapshot] = true
	}
	return eventstore.Snapshot{}, nil
}

// load decodes a snapshot that is what its metadata says. That the stream ends before it is only believed when its content
// says so, too.
func load(ctx context.Context, store Store, snapshot eventstore.Snapshot) (*readmodel.Model, error) {
	checked := store.CheckSnapshot(ctx, snapshot)
	if checked != nil && !errors.Is(checked, eventstore.ErrWentBackwards) {
		return nil, checked
	}
	m, err := Read(ctx, store, snapshot)
	if err == nil && !m.StoredAt.Equal(snapshot.StoredAt) {
		err = fmt.Errorf("%w: its message was stored at %s", eventstore.ErrSnapshotDamaged, m.StoredAt)
	}
	return m, errors.Join(err, checked)
}

// Reader reads the content of a snapshot.
type Reader interface {
	ReadSnapshot(ctx context.Context, snapshot eventstore.Snapshot, read func(io.Reader) error) error
}

// Read decodes a snapshot, and checks that it is of the sequence that its metadata says.
func Read(ctx context.Context, store Reader, snapshot eventstore.Snapshot) (m *readmodel.Model, err error) {
	err = store.ReadSnapshot(ctx, snapshot, func(r io.Reader) (err error) {
		m, err = Decode(r)
		return err
	})
	if err == nil && m.Sequence != snapshot.Sequence {
		err = fmt.Errorf("%w: it is one of sequence %d", eventstore.ErrSnapshotDamaged, m.Sequence)
	}
	return m, err
}

// Unusable reports whether an error is about a snapshot, and not about a store that does not respond.
func Unusable(err error) bool {
	for _, reason := range []error{eventstore.ErrForeignSnapshot, eventstore.ErrSnapshotDamaged, eventstore.ErrOtherForm, ErrUnreadable} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}
