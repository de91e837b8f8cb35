package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"clients/cmd/clients/internal/config"
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
	Sources        bool   `help:"Also create PROJECTS and INVOICES, which other services publish to and which the service needs for deletions and deactivations. Each holds 1 GiB at most."`
}

// Help returns the long help.
func (c *setupCommand) Help() string {
	return "Waits for NATS. Existing streams are not changed; one that the service cannot work with is reported. " +
		"Exit code 0: all streams exist. 1: they do not. 2: invalid settings."
}

// Run creates the missing streams.
func (c *setupCommand) Run(ctx context.Context, s streams) error {
	var faults config.Faults
	replicas := faults.Replicas(c.StreamReplicas, c.NATSURL != "")
	if err := faults.Err(); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(s.err, nil))
	nc, err := c.Await(ctx, log)
	if err != nil {
		return err
	}
	defer nc.Close()
	store, err := eventstore.Open(ctx, nc, eventstore.Config{Replicas: replicas, Log: log})
	if err != nil {
		return err
	}
	defer store.Close()
	records, err := idempotency.Open(ctx, nc, idempotency.Config{Replicas: replicas, Log: log})
	if err != nil {
		return err
	}
	defer records.Close()
	letters, err := deadletter.New(nc)
	if err == nil {
		err = letters.Ensure(ctx, replicas, log)
	}
	if err == nil {
		err = ensureSnapshots(ctx, nc, replicas, log)
	}
	if c.Sources && err == nil {
		err = ensureUpstream(ctx, nc, replicas, log)
	}
	if err == nil {
		_, err = fmt.Fprintln(s.out, "all streams exist")
	}
	return errors.Join(err, ctx.Err())
}

func ensureSnapshots(ctx context.Context, nc *nats.Conn, replicas int, log *slog.Logger) error {
	bucket, err := snapshotstore.New(nc, snapshotstore.Config{Replicas: replicas, Log: log})
	if err != nil {
		return err
	}
	return bucket.Ensure(ctx)
}

func ensureUpstream(ctx context.Context, nc *nats.Conn, replicas int, log *slog.Logger) error {
	client, err := upstream.New(nc)
	if err != nil {
		return err
	}
	return client.Ensure(ctx, replicas, 0, log)
}
