package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/cmd/clients/internal/terminal"
	"clients/eventstore"
	"clients/eventstore/history"
	"clients/eventstore/snapshotstore"
	"clients/projections/feed"
	"clients/projections/readmodel"
	"clients/projections/snapshot"
)

// feedRoom bounds the bytes of events that wait in memory for the readers of feeds.
const feedRoom = 8 << 20

// buildReadModel returns when the read model has everything that the stream holds by now.
func (s *Server) buildReadModel(ctx context.Context) error {
	s.directory = readmodel.NewDirectory(s.store, s.log)
	var restored snapshotstore.Snapshot
	err := s.retry(ctx, func(ctx context.Context) (err error) {
		restored, err = snapshot.Restore(ctx, s.directory, s.snapshots, s.store, s.log)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the snapshots: %w", err)
	}
	if s.reader, err = history.NewReader(s.nc); err != nil {
		return err
	}
	s.feeds = feed.NewHub(s.reader, s.directory.Sequence(), int(min(feedRoom, s.memoryLimit/32)))
	s.directory.OnFold(s.feeds.Publish)
	s.background(func(ctx context.Context) {
		defer s.feeds.Close()
		if err := s.directory.Follow(ctx); ctx.Err() == nil && s.reason.Load() == nil { // otherwise Start returns it
			s.log.Error("tail stopped, writes refused", "error", err)
		}
	})
	begun := time.Now()
	if err := s.retry(ctx, s.catchUp); err != nil {
		return withRemedy(fmt.Errorf("read the stream: %w", err))
	}
	s.end.Store(0)
	s.snapshotter = snapshot.NewSnapshotter(s.directory, s.snapshots, s.store, restored, s.log)
	s.onStop(s.saveLast)
	s.background(s.snapshotter.Run)
	stats := s.directory.Stats()
	s.log.Info("stream read", "sequence", stats.Sequence, "clients", stats.Clients, "duration", time.Since(begun))
	return nil
}

// catchUp returns when the read model has everything that the stream holds. /readyz shows how far it is.
func (s *Server) catchUp(ctx context.Context) error {
	last, err := s.store.LastSequence(ctx)
	if err != nil {
		return err
	}
	s.end.Store(last)
	return s.directory.Refresh(ctx)
}

// withRemedy adds what to do about an event that cannot be read.
func withRemedy(err error) error {
	switch {
	case errors.As(err, new(*eventstore.UnknownEventError)):
		return terminal.WithHint(err, "start a release that reads this type; clients verify lists all such events")
	case errors.As(err, new(*eventstore.CorruptError)):
		return terminal.WithHint(err, "list the faults with clients verify (of a stopped embedded store: --data-dir), and restore a backup")
	}
	return err
}

// retry calls do until the stream responds, or is found unusable: a start has no caller who waits.
func (s *Server) retry(ctx context.Context, do func(context.Context) error) error {
	for {
		err := do(ctx)
		final := errors.Is(err, eventstore.ErrWentBackwards) || errors.Is(err, eventstore.ErrReplaced) || errors.Is(err, eventstore.ErrIncomplete)
		if err == nil || ctx.Err() != nil || s.directory.Err() != nil || final {
			return err
		}
		s.log.Warn("waiting for the stream", "error", err)
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}
