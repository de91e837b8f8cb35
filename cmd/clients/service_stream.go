package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clients/eventstore"
	"clients/projections/readmodel"
	"clients/projections/snapshot"
)

// followStream returns when the directory shows everything that the stream holds by now.
func (s *service) followStream(ctx context.Context) error {
	s.directory = readmodel.NewDirectory(s.store, s.log)
	if err := s.untilAnswered(ctx, s.restore); err != nil {
		return fmt.Errorf("read the snapshots: %w", err)
	}
	following, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.directory.Follow(following); following.Err() == nil && s.state.Load() == nil { // else start tells
			s.log.Error("the stream cannot be followed any more: reads go on from what is known, writes are refused", "error", err)
		}
	}()
	s.onStop(func() { cancel(); <-ended })
	begun := time.Now()
	if err := s.untilAnswered(ctx, s.directory.Refresh); err != nil {
		return fmt.Errorf("read the stream: %w", err)
	}
	s.saveSnapshots()
	stats := s.directory.Stats()
	s.log.Info("the stream is read", "sequence", stats.Sequence, "clients", stats.Clients, "duration", time.Since(begun))
	return nil
}

func (s *service) restore(ctx context.Context) (err error) {
	s.restored, err = snapshot.Restore(ctx, s.directory, s.store, s.log)
	return err
}

// untilAnswered asks again as long as the store does not answer: a start has no caller who waits.
func (s *service) untilAnswered(ctx context.Context, ask func(context.Context) error) error {
	for {
		err := ask(ctx)
		final := errors.Is(err, eventstore.ErrWentBackwards) || errors.Is(err, eventstore.ErrReplaced) || errors.Is(err, eventstore.ErrIncomplete)
		if err == nil || ctx.Err() != nil || s.directory.Err() != nil || final {
			return err
		}
		s.log.Warn("the stream does not answer yet", "error", err)
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// lastSaveLimit bounds the snapshot at the end: without it the next start reads on from the one before, and what else
// ends after it needs time too.
const lastSaveLimit = 8 * time.Second

// saveSnapshots saves one from time to time, and one at the end, as far as there is time.
func (s *service) saveSnapshots() {
	s.snapshotter = snapshot.NewSnapshotter(s.directory, s.store, s.restored, s.log)
	saving, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); s.snapshotter.Run(saving) }()
	s.onStop(func() {
		cancel()
		<-ended
		if !s.stopBy.IsZero() { // a start that failed has nothing to save
			s.saveLast()
		}
	})
}

func (s *service) saveLast() {
	if !s.nc.IsConnected() {
		s.log.Warn("no snapshot is saved at the end: there is no connection to NATS")
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), s.stopBy)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, lastSaveLimit)
	defer cancel()
	s.snapshotter.Save(ctx)
}
