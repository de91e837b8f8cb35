package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/domain/command"
	"clients/eventstore"
	"clients/eventstore/embedded"
	"clients/eventstore/erasure"
	"clients/eventstore/idempotency"
	"clients/eventstore/snapshotstore"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
)

// connect connects to NATS, after it has started the embedded server if there is one.
func (s *Server) connect(ctx context.Context) (err error) {
	if s.config.NATS.URL == "" {
		err = s.startEmbedded()
	} else {
		s.nc, err = s.config.NATS.Connect(ctx, s.log)
	}
	if err != nil {
		return err
	}
	s.onStop(s.nc.Close)
	return nil
}

// openStore opens the streams and buckets of the service.
func (s *Server) openStore(ctx context.Context) (err error) {
	config := eventstore.Config{Replicas: s.config.StreamReplicas, Log: s.log}
	if s.embedded != nil {
		config.Reached, config.Advanced = s.embedded.HighWater.Sequence(), s.embedded.HighWater.Advance
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
		Replicas: s.config.StreamReplicas, LongestCommand: command.Longest, AppendCost: s.store.AppendCost, Published: s.store.Published, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.onStop(s.records.Close)
	if s.upstream, err = upstream.New(s.nc); err != nil {
		return err
	}
	if s.embedded != nil {
		completeErasures(ctx, s.nc, s.log)
	}
	if s.snapshots, err = snapshotstore.New(s.nc, snapshotstore.Config{Replicas: s.config.StreamReplicas, Log: s.log}); err != nil {
		return err
	}
	return s.snapshots.Ensure(ctx)
}

// completeErasures completes what a command or a kill has interrupted. If it fails, the next start or the command does it.
func completeErasures(ctx context.Context, nc *nats.Conn, log *slog.Logger) {
	e, err := erasure.New(nc, erasure.Config{Embedded: true, Progress: func(what string) { log.Debug("erasing", "progress", what) }})
	if err == nil {
		err = e.Resume(ctx)
	}
	if err != nil {
		log.Error("erasure not completed", "error", err)
	}
}

// startEmbedded starts a NATS server within the process and connects to it.
func (s *Server) startEmbedded() (err error) {
	s.embedded, err = embedded.Start(embedded.Config{
		Dir: s.config.DataDir, Addr: s.config.EmbeddedNATSAddr, Partners: s.config.Partners, Log: s.log,
	})
	var listen *net.OpError
	if errors.As(err, &listen) {
		return fmt.Errorf("listen for NATS (CLIENTS_EMBEDDED_NATS_ADDR): %w", err)
	}
	if err != nil {
		return err
	}
	s.onStop(s.embedded.Shutdown)
	if s.nc, err = s.embedded.Connect(natsconn.Options(s.log)...); err != nil {
		return fmt.Errorf("connect to the embedded server: %w", err)
	}
	return nil
}
