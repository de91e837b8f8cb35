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
	s.reader = history.NewReader(s.nc, s.store.Removals)
	s.feeds = feed.NewHub(s.reader, s.directory.Repeated, s.directory.Sequence(), int(min(feedRoom, s.memoryLimit/32)))
	s.directory.OnFold(s.feeds.Publish)
	s.background(func(ctx context.Context) {
		defer s.feeds.Close()
		follow(ctx, s.directory, s.store, func(err error) {
			if s.reason.Load() == nil { // otherwise Start returns it
				s.log.Error("tail stopped, writes refused", "error", withRemedy(err))
			}
		})
	})
	begun := time.Now()
	if err := s.retry(ctx, s.catchUp); err != nil {
		return fmt.Errorf("read the stream: %w", err)
	}
	s.end.Store(0)
	s.snapshotter = snapshot.NewSnapshotter(s.directory, s.snapshots, restored, s.log)
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

// follow follows the stream until ctx ends, or until it cannot be read any more. A message that cannot be folded stops it for
// as long as the message is not removed. stopped is called with the reason of each stop.
func follow(ctx context.Context, d *readmodel.Directory, store *eventstore.Store, stopped func(error)) {
	for ctx.Err() == nil {
		err := d.Follow(ctx)
		if ctx.Err() == nil {
			stopped(err)
		}
		if eventstore.AwaitRemoval(ctx, store, err) != nil {
			return
		}
	}
}

// withRemedy adds what to do about an event that cannot be read, or about a stream that has lost its end.
func withRemedy(err error) error {
	sequence, stopped := eventstore.StoppedAt(err)
	switch {
	case errors.Is(err, eventstore.ErrWentBackwards):
		return terminal.WithHint(err, "restore a backup with clients restore; if the NATS servers were restored to an earlier state on purpose, delete their stream OBJ_CLIENTS_SNAPSHOTS")
	case errors.As(err, new(*eventstore.UnknownEventError)):
		return terminal.WithHint(err, "start a release that reads this type, or leave the message out: clients skip %d --reason TEXT", sequence)
	case stopped:
		return terminal.WithHint(err, "list the faults with clients verify, and restore a backup or leave the message out: clients skip %d --reason TEXT", sequence)
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
