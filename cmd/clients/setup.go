package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"clients/cmd/clients/internal/backup"
	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/teams"
	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/idempotency"
	"clients/eventstore/snapshotstore"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
)

// setupCommand creates the streams before the service, which otherwise creates its own when it starts.
type setupCommand struct {
	config.RunningFlags
	StreamReplicas string `name:"stream-replicas" env:"CLIENTS_STREAM_REPLICAS" default:"" help:"Replicas of each stream that is created: 1, 3 or 5. Default: 3, and 1 without --nats-url."`
	Sources        bool   `xor:"teams" help:"Also create PROJECTS and INVOICES, which other services publish to and which the service needs for deletions and deactivations. Each holds 1 GiB at most."`
	Teams          string `xor:"teams" placeholder:"FILE" help:"Print the NATS accounts of the teams in this file, for the configuration of the servers, and do nothing else."`
}

// Help returns the long help.
func (c *setupCommand) Help() string {
	return "Waits for NATS. Existing streams are not changed; one that the service cannot work with is reported. " +
		"Exit code 0: all streams exist. 1: they do not. 2: invalid settings."
}

// Run creates the missing streams, and logs which streams exist then. With a file of teams it prints their configuration.
func (c *setupCommand) Run(ctx context.Context, s streams, settings natsconn.Settings) error {
	if c.Teams != "" {
		all, err := teams.Read(c.Teams)
		if err != nil {
			return err
		}
		return teams.Write(s.out, all)
	}
	var faults config.Faults
	replicas := faults.Replicas(c.StreamReplicas, c.URL != "")
	if err := faults.Err(); err != nil {
		return err
	}
	log := newLog(logAuto, slog.LevelInfo, s.err)
	nc, err := settings.Await(ctx, log)
	if err != nil {
		return err
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(ctx, setupLimit)
	defer cancel()
	err = createStreams(ctx, nc, replicas, log)
	if err == nil && c.Sources {
		err = upstream.New(nc).Ensure(ctx, replicas, 0, log)
	}
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	for _, name := range backup.Streams(c.Sources) {
		log.Info("stream exists", "stream", name)
	}
	return nil
}

// setupLimit is how long the servers may take to elect leaders and create the streams.
const setupLimit = time.Minute

// createStreams creates the streams of the service.
func createStreams(ctx context.Context, nc *nats.Conn, replicas int, log *slog.Logger) error {
	store, err := eventstore.Open(ctx, nc, eventstore.Config{Replicas: replicas, Log: log})
	if err != nil {
		return err
	}
	store.Close()
	if _, err := idempotency.Open(ctx, nc, idempotency.Config{Replicas: replicas, Log: log}); err != nil {
		return err
	}
	if err := deadletter.New(nc).Ensure(ctx, replicas, log); err != nil {
		return err
	}
	return snapshotstore.New(nc, snapshotstore.Config{Replicas: replicas, Log: log}).Ensure(ctx)
}
