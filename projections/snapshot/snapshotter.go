package snapshot

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"clients/eventstore"
	"clients/eventstore/loglimit"
	"clients/eventstore/snapshotstore"
	"clients/projections/readmodel"
)

// Snapshotter saves snapshots of a directory. Several replicas may run one each: a snapshot of another one counts as its
// own, unless it is ahead of the directory.
type Snapshotter struct {
	directory *readmodel.Directory
	bucket    *snapshotstore.Bucket
	log       *slog.Logger

	mu       sync.Mutex
	sequence uint64 // of the last snapshot that the directory has reached, by any replica; 0 if there is none
	savedAt  time.Time
	failedAt time.Time     // when a save failed last
	duration time.Duration // of the last save, also if it failed
}

// When a snapshot is saved: after some time or some events, while there are changes, but never so often that more than a
// tenth of the time is spent on it.
const (
	saveInterval  = 30 * time.Second
	saveEvents    = 50_000
	saveShare     = 10
	checkInterval = time.Second
	saveTimeout   = 2 * time.Minute
)

// NewSnapshotter returns a snapshotter for a directory that was restored from a snapshot, or from none.
func NewSnapshotter(d *readmodel.Directory, bucket *snapshotstore.Bucket, restored snapshotstore.Snapshot, log *slog.Logger) *Snapshotter {
	s := &Snapshotter{directory: d, bucket: bucket, log: loglimit.New(log), sequence: restored.Sequence, savedAt: restored.SavedAt}
	if restored.Sequence == 0 {
		s.savedAt = time.Now()
	}
	return s
}

// Run saves until ctx ends.
func (s *Snapshotter) Run(ctx context.Context) {
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if s.ready() {
			s.Save(ctx)
		}
	}
}

// Last returns the sequence of the last snapshot of any replica, and when it was saved. Without one the sequence is 0, and
// the time is that of the start.
func (s *Snapshotter) Last() (sequence uint64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sequence, s.savedAt
}

// ready reports whether it is time for the next snapshot.
func (s *Snapshotter) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, since := s.directory.Sequence(), min(time.Since(s.savedAt), time.Since(s.failedAt))
	if now <= s.sequence || since < saveShare*s.duration {
		return false
	}
	return since >= saveInterval || now-s.sequence >= saveEvents
}

// Save saves a snapshot, unless nothing has changed since the last one, another replica has just saved one, or the stream
// was replaced. An error is logged: a start then reads the snapshot before and more of the stream. Save returns when ctx
// ends.
func (s *Snapshotter) Save(ctx context.Context) {
	if errors.Is(s.directory.Err(), eventstore.ErrReplaced) { // it would not be one of the present stream
		return
	}
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	begun := time.Now()
	newest, err := s.newest(ctx)
	if err == nil && !s.needed(newest) {
		return
	}
	var saved snapshotstore.Snapshot
	if err == nil {
		saved, err = s.bucket.Save(ctx, s.write)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.duration = time.Since(begun)
	if err != nil {
		s.failedAt = time.Now()
		s.log.Warn("snapshot not saved", "error", err)
		return
	}
	s.sequence, s.savedAt = saved.Sequence, time.Now()
	s.log.Debug("snapshot saved", "sequence", s.sequence, "duration", s.duration)
}

// write writes the directory once it has reached the end of the stream, so that the snapshot lacks what was erased before its
// bucket was made.
func (s *Snapshotter) write(ctx context.Context, w io.Writer) (eventstore.Checkpoint, error) {
	err := s.directory.Refresh(ctx)
	view := s.directory.View()
	if err == nil {
		err = Encode(w, view)
	}
	return eventstore.Checkpoint{Sequence: view.Sequence, StoredAt: view.StoredAt}, err
}

// needed reports whether a snapshot is to be saved beside the newest one. One that another replica has just saved will do for a
// while.
func (s *Snapshotter) needed(newest snapshotstore.Snapshot) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	other := newest.Sequence > s.sequence && time.Since(newest.SavedAt) < saveInterval
	if s.sequence = newest.Sequence; other { // lower than before if snapshots were removed
		s.savedAt = newest.SavedAt
	}
	return !other && s.directory.Sequence() > newest.Sequence
}

// newest returns the newest snapshot of this format that the directory has reached, or the zero Snapshot. One that is ahead is
// another replica's a moment ago, or of another stream: another one beside it does no harm.
func (s *Snapshotter) newest(ctx context.Context) (snapshotstore.Snapshot, error) {
	snapshots, err := s.bucket.List(ctx)
	for _, snapshot := range snapshots {
		if snapshot.Format == snapshotstore.Format && snapshot.Sequence <= s.directory.Sequence() {
			return snapshot, nil
		}
	}
	return snapshotstore.Snapshot{}, err
}
