package main

import (
	"context"
	"time"

	"clients/eventstore"
	"clients/projections/ingest"

	"github.com/google/uuid"
)

// otherReplica is how long another replica is given to record what other services say before this one steps in.
const otherReplica = time.Second

// takeIn begins to read what other services say. It does not wait for their streams.
func (s *service) takeIn(ctx context.Context) error {
	quarantine, err := eventstore.NewQuarantine(s.nc)
	if err != nil {
		return err
	}
	config := ingest.Config{
		Store: s.store, Directory: s.directory, Quarantine: quarantine, Replica: uuid.NewString(), Patience: otherReplica,
		NewEventID: newEventID, Now: time.Now, Registry: s.registry, Tracer: s.tracer, Log: s.log,
	}
	if s.embedded != nil { // then there is no other replica, and nobody else to create the streams
		config.Patience = 0
		if err := s.store.EnsureSources(ctx, s.embedded.Room(0)); err != nil {
			s.log.Error("the streams of other services cannot be created", "error", err)
		}
	}
	if s.ingest, err = ingest.New(config); err != nil {
		return err
	}
	if err := s.ingest.Start(ctx); err != nil {
		return err
	}
	s.onStop(s.ingest.Stop)
	retries, err := quarantine.ServeRetries(s.ingest.Retry)
	if err != nil {
		return err
	}
	s.onStop(func() { _ = retries.Drain() })
	return nil
}
