package projections

import (
	"context"
	"errors"
	"sync"
	"time"

	"clients/eventstore"
)

// Saver saves a snapshot of a directory from time to time.
type Saver struct {
	directory *Directory
	store     SnapshotStore
	ignored   map[eventstore.Snapshot]bool // what is none of this stream

	mu      sync.Mutex
	saved   uint64 // sequence of the last snapshot, whoever saved it; 0 before there is one
	savedAt time.Time
	took    time.Duration // the last time
}

// NewSaver makes a saver for a directory that was restored from a snapshot, or from none.
func NewSaver(d *Directory, store SnapshotStore, restored eventstore.Snapshot) *Saver {
	s := &Saver{directory: d, store: store, ignored: make(map[eventstore.Snapshot]bool), saved: restored.Sequence, savedAt: restored.SavedAt}
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
		s.mu.Lock()
		due := s.due()
		s.mu.Unlock()
		if due {
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

// due tells whether it is time for another snapshot. The caller holds mu.
func (s *Saver) due() bool {
	now, since := s.directory.Sequence(), time.Since(s.savedAt)
	if now <= s.saved || since < saveShare*s.took {
		return false
	}
	return since >= saveAfter || now-s.saved >= saveAfterEvents
}

// Save saves a snapshot now, unless nothing has changed, the stream was replaced, or another replica has just done so. A
// failure is logged: the snapshot before it does as well, only later. Save does not outlast ctx.
func (s *Saver) Save(ctx context.Context) {
	if errors.Is(s.directory.Err(), eventstore.ErrReplaced) { // it is not one of the stream that there is
		return
	}
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	begun := time.Now()
	newest, err := s.newest(ctx)
	if err == nil && !s.wanted(newest) {
		return
	}
	mark := eventstore.SnapshotMark{Sequence: s.directory.Sequence()}
	if err == nil {
		snapshot := s.directory.Snapshot()
		mark = snapshot.mark()
		err = s.store.SaveSnapshot(ctx, mark, snapshot.Write)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took, s.savedAt = time.Since(begun), time.Now() // after a failure, to try again after a while
	if err != nil {
		s.directory.log.Warn("a snapshot could not be saved", "sequence", mark.Sequence, "error", err)
		return
	}
	s.saved = mark.Sequence
	s.directory.log.Debug("a snapshot is saved", "sequence", mark.Sequence, "duration", s.took)
}

// wanted takes note of the newest snapshot that there is, and tells whether one is to be saved. What another replica has
// saved in the meantime will do for a while.
func (s *Saver) wanted(newest eventstore.Snapshot) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := newest.Sequence > s.saved
	s.saved = newest.Sequence // which is less than it was where somebody has removed some
	if news {
		s.savedAt = newest.SavedAt
		return s.due()
	}
	return s.directory.Sequence() > s.saved
}

// newest answers the newest snapshot of this stream, in a form that this release reads, or an empty one where there is
// none. What only says that it is one is passed over, with one warning.
func (s *Saver) newest(ctx context.Context) (eventstore.Snapshot, error) {
	all, err := s.store.Snapshots(ctx)
	if err != nil {
		return eventstore.Snapshot{}, err
	}
	for _, snapshot := range all {
		if snapshot.Form != "" && snapshot.Form != snapshotFormat || s.ignored[snapshot] { // of another release, or of nobody
			continue
		}
		err := s.check(ctx, snapshot)
		if err == nil {
			return snapshot, nil
		}
		if !unusable(err) && !errors.Is(err, eventstore.ErrWentBackwards) {
			return eventstore.Snapshot{}, err
		}
		s.ignored[snapshot] = true
		s.directory.log.Warn("a snapshot is not one of this stream and is ignored", "sequence", snapshot.Sequence, "reason", err)
	}
	return eventstore.Snapshot{}, nil
}

// check looks at a snapshot as closely as is cheap. Whoever tells the form has read it back; of a former release, or of
// somebody else, nobody knows.
func (s *Saver) check(ctx context.Context, snapshot eventstore.Snapshot) error {
	err := s.store.CheckSnapshot(ctx, snapshot)
	if err == nil && snapshot.Form == "" {
		err = s.store.ReadSnapshot(ctx, snapshot, eventstore.OfForm(snapshotFormat))
	}
	return err
}
