package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/eventstore"
	"clients/projections/readmodel"
	"clients/projections/snapshot"
)

// tailStream builds the read model, and returns when it has everything that the stream holds by now.
func (s *Server) tailStream(ctx context.Context) error {
	s.directory = readmodel.NewDirectory(s.store, s.log)
	if err := s.retry(ctx, s.restore); err != nil {
		return fmt.Errorf("read the snapshots: %w", err)
	}
	s.background(func(ctx context.Context) {
		if err := s.directory.Follow(ctx); ctx.Err() == nil && s.notReady.Load() == nil { // otherwise Start returns it
			s.log.Error("tail stopped, writes refused", "error", err)
		}
	})
	begun := time.Now()
	if err := s.retry(ctx, s.directory.Refresh); err != nil {
		return fmt.Errorf("read the stream: %w", err)
	}
	s.saveSnapshots()
	stats := s.directory.Stats()
	s.log.Info("stream read", "sequence", stats.Sequence, "clients", stats.Clients, "duration", time.Since(begun))
	return nil
}

func (s *Server) restore(ctx context.Context) (err error) {
	s.restored, err = snapshot.Restore(ctx, s.directory, s.snapshots, s.store, s.log)
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

// lastSaveLimit is for the snapshot at the end. Without that snapshot the next start reads more of the stream.
const lastSaveLimit = 8 * time.Second

// saveSnapshots saves snapshots in the background, and one at the end if there is time.
func (s *Server) saveSnapshots() {
	s.snapshotter = snapshot.NewSnapshotter(s.directory, s.snapshots, s.store, s.restored, s.log)
	saving, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); s.snapshotter.Run(saving) }()
	s.onStop(func() {
		cancel()
		<-ended
		if !s.stopBy.IsZero() { // not after a failed start
			s.saveLast()
		}
	})
}

func (s *Server) saveLast() {
	if !s.nc.IsConnected() {
		s.log.Warn("last snapshot skipped, NATS disconnected")
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), s.stopBy)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, lastSaveLimit)
	defer cancel()
	s.snapshotter.Save(ctx)
}
