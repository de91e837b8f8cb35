package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/idempotency"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
)

// setupCommand makes the streams ahead of the service, which otherwise makes its own when it starts.
type setupCommand struct {
	runningFlags
	StreamReplicas string `name:"stream-replicas" env:"CLIENTS_STREAM_REPLICAS" default:"" help:"Replicas of each stream that is created: 1, 3 or 5. 3 by default, and 1 without --nats-url."`
	Sources        bool   `help:"Also the streams PROJECTS and INVOICES, where there are none: other services publish to them, and the service waits for them with deletions and deactivations. Each holds 1 GiB at most, and refuses more."`
}

// Help says what the short help leaves out.
func (c *setupCommand) Help() string {
	return "It waits for NATS, and leaves streams that exist as they are; one that the service cannot work with it reports. " +
		"Exit code 0: all of them are there. 1: not so. 2: a wrong setting."
}

// Run creates what is missing.
func (c *setupCommand) Run(ctx context.Context, s streams) error {
	var faults settingFaults
	replicas := faults.replicas("CLIENTS_STREAM_REPLICAS", c.StreamReplicas, c.NATSURL != "")
	if faults != nil {
		return faults
	}
	log := slog.New(slog.NewTextHandler(s.err, nil))
	nc, done, err := c.await(ctx, c.DataDir, log)
	if err != nil {
		return err
	}
	defer done()
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
	if c.Sources && err == nil {
		err = ensureUpstream(ctx, nc, replicas, log)
	}
	if err == nil {
		_, err = fmt.Fprintln(s.out, "The streams are there.")
	}
	return errors.Join(err, ctx.Err())
}

func ensureUpstream(ctx context.Context, nc *nats.Conn, replicas int, log *slog.Logger) error {
	client, err := upstream.New(nc)
	if err != nil {
		return err
	}
	return client.Ensure(ctx, replicas, 0, log)
}
