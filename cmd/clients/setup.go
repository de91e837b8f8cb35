package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"clients/cmd/clients/internal/backup"
	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/teams"
	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/idempotency"
	"clients/eventstore/snapshotstore"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// setupCommand creates the streams before the service, which otherwise creates its own when it starts.
type setupCommand struct {
	config.RunningFlags
	StreamReplicas string `name:"stream-replicas" env:"CLIENTS_STREAM_REPLICAS" default:"" help:"Replicas of each stream that is created: 1, 3 or 5. Default: 3, and 1 without --nats-url."`
	Sources        bool   `help:"Also create PROJECTS and INVOICES, which other services publish to and which the service needs for deletions and deactivations. Each holds 1 GiB at most."`
	Teams          string `placeholder:"FILE" help:"Print the NATS accounts of the teams in this file, for the configuration of the servers, and do nothing else."`
}

// Help returns the long help.
func (c *setupCommand) Help() string {
	return "Waits for NATS. Existing streams are not changed; one that the service cannot work with is reported. " +
		"Exit code 0: all streams exist. 1: they do not. 2: invalid settings."
}

// Run creates the missing streams, and prints for each stream whether it was created or existed. With a file of teams it
// prints their configuration.
func (c *setupCommand) Run(ctx context.Context, s streams) error {
	if c.Teams != "" {
		all, err := teams.Read(c.Teams)
		if err != nil {
			return err
		}
		return teams.Write(s.out, all)
	}
	var faults config.Faults
	replicas := faults.Replicas(c.StreamReplicas, c.NATSURL != "")
	if err := faults.Err(); err != nil {
		return err
	}
	log := newLog(logAuto, slog.LevelInfo, s.err)
	nc, err := c.Await(ctx, log)
	if err != nil {
		return err
	}
	defer nc.Close()
	names := backup.Streams(c.Sources)
	before, err := existing(ctx, nc, names)
	if err == nil {
		err = createStreams(ctx, nc, replicas, log)
	}
	if err == nil && c.Sources {
		err = createSources(ctx, nc, replicas, log)
	}
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	for _, name := range names {
		outcome := "created"
		if slices.Contains(before, name) {
			outcome = "exists"
		}
		fmt.Fprintf(s.out, "%s: %s\n", name, outcome)
	}
	return nil
}

// electionLimit is how long setup waits for servers that have just started to elect their leaders.
const electionLimit = time.Minute

// existing returns which of the streams exist. It requests each by its name, because the service's user may not list all, and
// again until there is a response, because a cluster without a leader does not respond.
func existing(ctx context.Context, nc *nats.Conn, names []string) (found []string, err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, electionLimit)
	defer cancel()
	for _, name := range names {
		err := lookUp(ctx, js, name)
		for ctx.Err() == nil && leaderless(err) {
			err = lookUp(ctx, js, name)
		}
		if err == nil {
			found = append(found, name)
		} else if !errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, err
		}
	}
	return found, nil
}

// lookUp returns no error if the stream exists. Without a leader it takes a second.
func lookUp(ctx context.Context, js jetstream.JetStream, name string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := js.Stream(ctx, name)
	if leaderless(err) {
		<-ctx.Done()
	}
	return err
}

// leaderless reports whether a request failed because there is no leader, or may have.
func leaderless(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrNoResponders) || errors.As(err, &refused) && refused.Code == 503
}

// createStreams creates the streams of the service.
func createStreams(ctx context.Context, nc *nats.Conn, replicas int, log *slog.Logger) error {
	store, err := eventstore.Open(ctx, nc, eventstore.Config{Replicas: replicas, Log: log})
	if err != nil {
		return err
	}
	store.Close()
	records, err := idempotency.Open(ctx, nc, idempotency.Config{Replicas: replicas, Log: log})
	if err != nil {
		return err
	}
	records.Close()
	letters, err := deadletter.New(nc)
	if err != nil {
		return err
	}
	if err := letters.Ensure(ctx, replicas, log); err != nil {
		return err
	}
	snapshots, err := snapshotstore.New(nc, snapshotstore.Config{Replicas: replicas, Log: log})
	if err != nil {
		return err
	}
	return snapshots.Ensure(ctx)
}

// createSources creates the streams that other services publish to.
func createSources(ctx context.Context, nc *nats.Conn, replicas int, log *slog.Logger) error {
	client, err := upstream.New(nc)
	if err != nil {
		return err
	}
	return client.Ensure(ctx, replicas, 0, log)
}
