package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"clients/eventstore"

	"github.com/nats-io/nats.go"
)

// runningFlags tell where a service runs that a subcommand has to do with.
type runningFlags struct {
	natsFlags
	EmbeddedNATSAddr string `name:"embedded-nats-addr" env:"CLIENTS_EMBEDDED_NATS_ADDR" default:"127.0.0.1:4222" help:"Where the NATS server of a running service listens; used without --nats-url."`
}

// connectLimit is how long a subcommand waits for NATS.
const connectLimit = 5 * time.Second

// connect connects to the NATS of a running service.
func (c *runningFlags) connect(ctx context.Context) (_ *nats.Conn, done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	return c.await(ctx, slog.New(slog.DiscardHandler))
}

// await connects as soon as there is a server, and warns as long as there is none.
func (c *runningFlags) await(ctx context.Context, log *slog.Logger) (_ *nats.Conn, done func(), err error) {
	if c.NATSURL == "" {
		c.NATSURL = c.EmbeddedNATSAddr
	}
	var faults settingFaults
	settings := c.natsSettings(&faults)
	if faults != nil {
		return nil, nil, faults
	}
	nc, err := settings.connect(ctx, log)
	if err != nil {
		return nil, nil, err
	}
	return nc, nc.Close, nil
}

// connectToStore starts a server over a data directory that no service runs on, and connects to it.
func connectToStore(config eventstore.EmbeddedConfig) (_ *nats.Conn, done func(), err error) {
	config.Log = slog.New(slog.DiscardHandler)
	embedded, err := eventstore.StartEmbedded(config)
	if err != nil {
		return nil, nil, err
	}
	nc, err := embedded.Connect(connectionOptions(config.Log)...)
	if err != nil {
		embedded.Shutdown()
		return nil, nil, fmt.Errorf("connect to the embedded server: %w", err)
	}
	return nc, func() { nc.Close(); embedded.Shutdown() }, nil
}

// openHistory finds what is stored, or gives up after a moment.
func openHistory(ctx context.Context, nc *nats.Conn) (*eventstore.History, error) {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	return eventstore.OpenHistory(ctx, nc)
}
