package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"clients/eventstore"
	"clients/eventstore/embedded"

	"github.com/nats-io/nats.go"
)

// runningFlags are how to reach the NATS of a running service.
type runningFlags struct {
	natsFlags `set:"without_nats_url=the embedded server of --data-dir"`
	DataDir   string `name:"data-dir" env:"CLIENTS_DATA_DIR" default:"./clients-data" help:"Data directory of the running service, which says where its embedded server listens and has the administrator's password. Used without --nats-url."`
}

// connect connects to the NATS of a running service.
func (c *runningFlags) connect(ctx context.Context) (_ *nats.Conn, done func(), err error) {
	return c.connectRunning(ctx, c.DataDir)
}

// dataDirSetting is the data directory for commands whose flag of that name has another meaning.
func dataDirSetting() string { return cmp.Or(os.Getenv("CLIENTS_DATA_DIR"), "./clients-data") }

// connectLimit is how long a subcommand waits for NATS.
const connectLimit = 5 * time.Second

// connectRunning connects to the NATS of a running service, which is the embedded one of dataDir without a URL.
func (c *natsFlags) connectRunning(ctx context.Context, dataDir string) (_ *nats.Conn, done func(), err error) {
	limited, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	nc, done, err := c.await(limited, dataDir, slog.New(slog.DiscardHandler))
	var unconnected *unconnectedError
	if errors.As(err, &unconnected) && ctx.Err() == nil {
		err = unconnected.absent()
	}
	return nc, done, err
}

// errAbsent is the error where no NATS server was reached.
var errAbsent = embedded.ErrNotRunning

// absent says in an operator's words why there is no connection.
func (e *unconnectedError) absent() error {
	switch {
	case errors.Is(e.last, errAbsent):
		return e.last
	case errors.Is(e.last, nats.ErrNoServers), errors.Is(e.last, nats.ErrTimeout), errors.Is(e.last, errNoAnswer):
		return fmt.Errorf("%w: no NATS server answers at %s", errAbsent, e.servers)
	case errors.Is(e.last, nats.ErrAuthorization):
		return fmt.Errorf("the NATS server at %s refuses the login", e.servers)
	}
	return fmt.Errorf("the NATS server at %s cannot be reached: %w", e.servers, e.last)
}

// await connects as soon as there is a server, and warns as long as there is none.
func (c *natsFlags) await(ctx context.Context, dataDir string, log *slog.Logger) (_ *nats.Conn, done func(), err error) {
	var faults settingFaults
	settings := c.natsSettings(&faults)
	if faults != nil {
		return nil, nil, faults
	}
	if settings.url == "" {
		settings.dataDir = dataDir
	}
	nc, err := settings.connect(ctx, log, endsRefused(ctx, log))
	if err != nil {
		return nil, nil, err
	}
	if err := reachesStreams(ctx, nc); err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, nc.Close, nil
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
