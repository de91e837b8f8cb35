package server

import (
	"context"
	"errors"
	"strings"
	"time"

	"clients/eventstore/deadletter"
	"clients/eventstore/partners"
	"clients/projections/ingest"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
)

// recordPatience is how long another replica is given to record events of other services before this one does.
const recordPatience = time.Second

// startIngest starts to read the streams of other services. It does not wait for them.
func (s *Server) startIngest(ctx context.Context) (err error) {
	letters := deadletter.New(s.nc)
	if err := letters.Ensure(ctx, s.config.StreamReplicas, s.log); err != nil {
		return err
	}
	config := ingest.Config{
		Store: s.store, Upstream: s.upstream, DeadLetters: letters, Directory: s.directory,
		StreamReplicas: s.config.StreamReplicas, Replica: uuid.NewString(), Patience: recordPatience,
		NewEventID: newEventID, Registry: s.registry, Tracer: s.tracer, Log: s.log,
	}
	if s.embedded != nil { // the only replica, and the only one to create the streams
		config.Patience = 0
		if err := s.upstream.Ensure(ctx, s.config.StreamReplicas, s.embedded.Room(0), s.log); err != nil {
			s.log.Error("cannot create upstream streams", "error", err)
		}
	}
	if s.ingest, err = ingest.New(config); err != nil {
		return err
	}
	s.ingest.Start(ctx)
	s.onStop(s.ingest.Stop)
	retries, err := letters.ServeRetries(s.ingest.Retry)
	if err != nil {
		return err
	}
	s.onStop(func() { _ = retries.Drain() })
	return nil
}

// otherServer is how long the connection for partners stays with a server that does not let it respond to them. While servers
// get accounts.conf one by one, those with the configuration before it do not.
const otherServer = 3 * time.Second

// servePartners responds to what other services request of NATS, on a connection of its own: a flood of requests must not
// hold up commands.
func (s *Server) servePartners(ctx context.Context) error {
	nc, err := connection(ctx, s, s.log.With("connection", "partners"))
	if err != nil {
		return err
	}
	report := nc.ErrorHandler()
	nc.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
		report(nc, sub, err)
		if errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), "for Subscription") {
			time.AfterFunc(otherServer, func() { _ = nc.ForceReconnect() })
		}
	})
	stop, err := partners.Serve(nc, s.embedded == nil)
	if err != nil {
		return err
	}
	s.onStop(stop)
	return nil
}
