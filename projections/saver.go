package projections

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"clients/eventstore"
)

// SnapshotStore is where snapshots are kept.
type SnapshotStore interface {
	Snapshots(ctx context.Context) ([]eventstore.Snapshot, error)
	CheckSnapshot(ctx context.Context, snapshot eventstore.Snapshot) error
	ReadSnapshot(ctx context.Context, snapshot eventstore.Snapshot, read func(io.Reader) error) error
	SaveSnapshot(ctx context.Context, mark eventstore.SnapshotMark, write func(io.Writer) error) error
}

// RestoreNewest puts a directory that has followed nothing yet where the newest good snapshot was taken. One that cannot
// be read, or is not of this stream, is passed over with a warning; where none is left, the directory stays as it is and the answer is empty.
// The error is eventstore.ErrWentBackwards where the stream ends before a snapshot, or tells that the store cannot be
// asked.
func (d *Directory) RestoreNewest(ctx context.Context, store SnapshotStore) (eventstore.Snapshot, error) {
	all, err := store.Snapshots(ctx)
	if err != nil {
		return eventstore.Snapshot{}, err
	}
	for _, snapshot := range all {
		err := store.CheckSnapshot(ctx, snapshot)
		if err == nil {
			err = store.ReadSnapshot(ctx, snapshot, d.Restore)
		}
		switch {
		case err == nil && d.Sequence() == snapshot.Sequence:
			d.log.Info("the snapshot is read", "sequence", snapshot.Sequence, "clients", d.Stats().Clients)
			return snapshot, nil
		case errors.Is(err, eventstore.ErrWentBackwards):
			return eventstore.Snapshot{}, err
		case ctx.Err() != nil:
			return eventstore.Snapshot{}, ctx.Err()
		}
		d.log.Warn("a snapshot cannot be used and is ignored", "sequence", snapshot.Sequence, "reason", err)
		d.reset()
	}
	return eventstore.Snapshot{}, nil
}

// Saver saves a snapshot of a directory from time to time.
type Saver struct {
	directory *Directory
	store     SnapshotStore

	mu      sync.Mutex
	saved   uint64 // sequence of the last snapshot, whoever saved it; 0 before there is one
	savedAt time.Time
	took    time.Duration // the last time
}

// NewSaver makes a saver for a directory that was restored from a snapshot, or from none.
func NewSaver(d *Directory, store SnapshotStore, restored eventstore.Snapshot) *Saver {
	s := &Saver{directory: d, store: store, saved: restored.Sequence, savedAt: restored.SavedAt}
	if restored.Sequence == 0 {
		s.savedAt = time.Now()
	}
	return s
}

// When a snapshot is saved: after so much time or so many events, while there are changes; but never so often that more
// than a tenth of the time goes into it.
const (
	saveAfter       = 30 * time.Second
	saveAfterEvents = 10_000
	saveShare       = 10
	saveLook        = time.Second
	saveLimit       = 5 * time.Minute
)

// Run saves until ctx ends.
func (s *Saver) Run(ctx context.Context) {
	ticker := time.NewTicker(saveLook)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if s.due() {
			s.Save(ctx)
		}
	}
}

// Saved answers at which sequence the last snapshot was taken, by whomever, and when. Without one the sequence
// is 0, and the time that of the start.
func (s *Saver) Saved() (sequence uint64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saved, s.savedAt
}

func (s *Saver) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, since := s.directory.Sequence(), time.Since(s.savedAt)
	if now <= s.saved || since < saveShare*s.took {
		return false
	}
	return since >= saveAfter || now-s.saved >= saveAfterEvents
}

// Save saves a snapshot now, unless nothing has changed, the stream was replaced, or another replica has just done so. A failure is logged: the
// snapshot before it does as well, only later.
func (s *Saver) Save(ctx context.Context) {
	if errors.Is(s.directory.Err(), eventstore.ErrReplaced) { // it is not one of the stream that there is
		return
	}
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	begun := time.Now()
	snapshot := s.directory.Snapshot()
	sequence, storedAt := snapshot.Sequence()
	if s.others(ctx) && !s.due() {
		return
	}
	if saved, _ := s.Saved(); saved >= sequence {
		return
	}
	err := s.store.SaveSnapshot(ctx, eventstore.SnapshotMark{Sequence: sequence, StoredAt: storedAt}, snapshot.Write)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = time.Since(begun)
	if err != nil {
		s.savedAt = time.Now() // to try again after a while
		s.directory.log.Warn("a snapshot could not be saved", "sequence", sequence, "error", err)
		return
	}
	s.saved, s.savedAt = sequence, time.Now()
	s.directory.log.Debug("a snapshot is saved", "sequence", sequence, "duration", s.took)
}

// others reports whether there is a newer snapshot than is known of.
func (s *Saver) others(ctx context.Context) bool {
	all, err := s.store.Snapshots(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || len(all) == 0 || all[0].Sequence <= s.saved {
		return false
	}
	s.saved, s.savedAt = all[0].Sequence, all[0].SavedAt
	return true
}
