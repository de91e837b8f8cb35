package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"clients/eventstore"

	"github.com/nats-io/nats.go"
)

// runningFlags tell where a service runs that a subcommand has to do with.
type runningFlags struct {
	natsFlags        `set:"without_nats_url=the server of --embedded-nats-addr"`
	EmbeddedNATSAddr string `name:"embedded-nats-addr" env:"CLIENTS_EMBEDDED_NATS_ADDR" default:"127.0.0.1:4222" help:"Where the embedded server of a running service listens; used without --nats-url."`
}

// connectLimit is how long a subcommand waits for NATS.
const connectLimit = 5 * time.Second

// connect connects to the NATS of a running service.
func (c *runningFlags) connect(ctx context.Context) (_ *nats.Conn, done func(), err error) {
	limited, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	nc, done, err := c.await(limited, slog.New(slog.DiscardHandler))
	var unconnected *unconnectedError
	if errors.As(err, &unconnected) && ctx.Err() == nil {
		err = unconnected.absent()
	}
	return nc, done, err
}

// errAbsent tells that no NATS server was reached where a service was said to run.
var errAbsent = errors.New("no service runs there")

// absent says in an operator's words why there is no connection.
func (e *unconnectedError) absent() error {
	switch {
	case errors.Is(e.last, nats.ErrNoServers), errors.Is(e.last, nats.ErrTimeout), errors.Is(e.last, errNoAnswer):
		return fmt.Errorf("%w: no NATS server answers at %s", errAbsent, e.servers)
	case errors.Is(e.last, nats.ErrAuthorization):
		return fmt.Errorf("the NATS server at %s refuses the login", e.servers)
	}
	return fmt.Errorf("the NATS server at %s cannot be reached: %w", e.servers, e.last)
}

// await connects as soon as there is a server, and warns as long as there is none.
func (c *runningFlags) await(ctx context.Context, log *slog.Logger) (_ *nats.Conn, done func(), err error) {
	var faults settingFaults
	if c.NATSURL == "" {
		c.NATSURL = faults.reachable("CLIENTS_EMBEDDED_NATS_ADDR", c.EmbeddedNATSAddr)
	}
	if faults != nil {
		return nil, nil, faults
	}
	settings := c.natsSettings(&faults)
	if faults != nil {
		return nil, nil, faults
	}
	nc, err := settings.connect(ctx, log, endsRefused(ctx, log))
	if err != nil {
		return nil, nil, err
	}
	return nc, nc.Close, nil
}

// reachable reads host:port of what listens already.
func (f *settingFaults) reachable(variable, value string) string {
	known := len(*f)
	f.address(variable, value, "")
	host, port, _ := net.SplitHostPort(value)
	if number, _ := strconv.Atoi(port); len(*f) == known && (host == "" || number == 0) {
		f.add(variable, "%q names nothing that could be reached", value)
	}
	return value
}

// openHistory finds what is stored, or gives up after a moment.
func openHistory(ctx context.Context, nc *nats.Conn) (history *eventstore.History, err error) {
	err = withinLimit(ctx, func(ctx context.Context) (err error) {
		history, err = eventstore.OpenHistory(ctx, nc)
		return err
	})
	return history, err
}

// withinLimit asks the stream something, and says in an operator's words that it does not answer.
func withinLimit(ctx context.Context, ask func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	err := ask(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("stream %s does not answer within %s: JetStream is not there or has no leader", eventstore.Stream, connectLimit)
	}
	return err
}
