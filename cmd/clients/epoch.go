package main

import (
	"context"
	"fmt"
	"time"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/terminal"
	"clients/eventstore"
	"clients/eventstore/erasure"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// epochCommand shows or changes the epoch of the stream of events.
type epochCommand struct {
	config.RunningFlags
	New bool `help:"Set a new epoch, as administrator. Run this after the stream was restored to an earlier state by other means than clients restore: by nats stream restore, or from a copy of the data directory or its volume."`
}

// Help returns the long help.
func (c *epochCommand) Help() string {
	return "Prints the epoch, which responses have in the header Stream-Epoch. Subscribers start over when it differs from the one that they know. " +
		"The service may keep running, and shows a new epoch when the command ends. Exit code 0: done. 1: it failed. 2: invalid settings."
}

// noticed is longer than a replica of the service takes to notice a new epoch: it samples the stream at least every 2 s.
const noticed = 3 * time.Second

// Run prints the epoch, after it has changed it if that is asked for.
func (c *epochCommand) Run(ctx context.Context, s streams, nc *nats.Conn) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, eventstore.Stream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", eventstore.Stream, err)
	}
	info := stream.CachedInfo()
	if c.New {
		if err := checkErasures(ctx, nc); err != nil {
			return err
		}
		if info.Config.Metadata == nil {
			info.Config.Metadata = make(map[string]string)
		}
		info.Config.Metadata[eventstore.EpochKey] = uuid.NewString()
		if _, err := js.UpdateStream(ctx, info.Config); err != nil {
			return fmt.Errorf("stream %s: %w", eventstore.Stream, err)
		}
		select {
		case <-time.After(noticed):
		case <-ctx.Done():
		}
	}
	_, err = fmt.Fprintln(s.out, eventstore.EpochOf(info.Config.Metadata[eventstore.EpochKey], info.Created))
	return err
}

// checkErasures refuses an epoch while an erasure is not complete, which would forget the servers that were away.
func checkErasures(ctx context.Context, nc *nats.Conn) error {
	clients, err := erasure.New(nc, erasure.Config{}).Unfinished(ctx)
	if err != nil || len(clients) == 0 {
		return err
	}
	return terminal.WithHint(fmt.Errorf("the erasure of %s is not complete", clients[0]), "complete it with clients erase first; if the stream was copied from other servers, give each server that clients erase names with --rebuilt")
}
