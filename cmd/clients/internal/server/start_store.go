package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/eventstore"
	"clients/eventstore/embedded"
	"clients/eventstore/erasure"
	"clients/eventstore/idempotency"
	"clients/eventstore/snapshotstore"
	"clients/eventstore/upstream"
	"clients/projections/ingest"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"
)

// connect connects to NATS, after it has started the embedded server if there is one.
func (s *Server) connect(ctx context.Context) (err error) {
	if s.config.NATS.URL == "" {
		if err := s.startEmbedded(); err != nil {
			return err
		}
	}
	s.nc, err = connection(ctx, s, s.log)
	return err
}

// connection returns a connection to NATS, which is closed when the server stops.
func connection(ctx context.Context, s *Server, log *slog.Logger) (nc *nats.Conn, err error) {
	if s.embedded != nil {
		nc, err = s.embedded.Connect(natsconn.Options(log)...)
	} else {
		nc, err = s.config.NATS.Connect(ctx, log)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	s.permissions.watch(nc)
	s.onStop(nc.Close)
	return nc, nil
}

// openStore opens the streams and buckets of the service.
func (s *Server) openStore(ctx context.Context) (err error) {
	config := eventstore.Config{Replicas: s.config.StreamReplicas, Log: s.log}
	if s.embedded != nil {
		config.Reached, config.Advanced, config.Stage = s.embedded.HighWater.Sequence(), s.embedded.HighWater.Advance, s.embedded.Stage
	}
	s.store, err = eventstore.Open(ctx, s.nc, config)
	if errors.Is(err, eventstore.ErrNoCluster) {
		return terminal.WithHint(err, "set CLIENTS_STREAM_REPLICAS=1, or CLIENTS_NATS_URL to the servers of a cluster")
	}
	if err != nil {
		return err
	}
	s.onStop(s.store.Close)
	s.records, err = idempotency.Open(ctx, s.nc, idempotency.Config{
		Replicas: s.config.StreamReplicas, AppendCost: s.store.AppendCost, Published: s.store.Published, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.upstream = upstream.New(s.nc)
	if s.embedded != nil && len(s.store.Removals.Unfinished()) > 0 {
		completeErasures(ctx, s)
	}
	s.snapshots = snapshotstore.New(s.nc, snapshotstore.Config{Replicas: s.config.StreamReplicas, Log: s.log})
	if s.embedded != nil && s.embedded.DiskFull() != "" {
		return nil // an erasure may have removed the bucket; the next snapshot makes it again
	}
	return s.snapshots.Ensure(ctx)
}

// erasureLogInterval is how often the progress of an erasure is logged.
const erasureLogInterval = 10 * time.Second

// completeErasures completes what a command or a kill has interrupted, and shows its progress by /readyz and in the log. If it
// fails, the next start does it.
func completeErasures(ctx context.Context, s *Server) {
	logged := rate.Sometimes{Interval: erasureLogInterval}
	e := erasure.New(s.nc, erasure.Config{Embedded: true, Progress: func(what string) {
		s.setStep(what)
		logged.Do(func() { s.log.Info("completing an erasure", "progress", what) })
	}, ClientOf: ingest.ClientOf})
	full, err := s.embedded.DiskFull(), error(nil)
	switch {
	case full != "":
		err = errors.New(full)
	case s.embedded.Unrepaired != nil:
		err = s.embedded.Unrepaired
	default:
		err = e.Resume(ctx)
	}
	if err != nil {
		s.log.Error("erasure not completed", "error", err)
	}
}

// startEmbedded starts a NATS server within the process.
func (s *Server) startEmbedded() (err error) {
	config := s.config.Embedded
	config.Log = s.log
	s.embedded, err = embedded.Start(config)
	var listen *net.OpError
	if errors.As(err, &listen) {
		return fmt.Errorf("listen for NATS (CLIENTS_EMBEDDED_NATS_ADDR): %w", err)
	}
	if err != nil {
		return err
	}
	s.onStop(s.embedded.Shutdown)
	return nil
}
