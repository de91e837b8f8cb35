package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/eventstore/embedded"
	"clients/eventstore/erasure"
	"clients/projections/ingest"
	"clients/projections/readmodel"

	"github.com/nats-io/nats.go"
)

// eraseCommand erases a deleted client.
type eraseCommand struct {
	config.RunningFlags
	ID      config.Positive `arg:"" help:"Client to erase, which must be deleted."`
	Account config.Account  `name:"account" required:"" help:"Account of the client."`
	Log     string          `name:"log" placeholder:"FILE" help:"Append the client to this list, which restore --erasures applies to older backups."`
	Rebuilt []string        `name:"rebuilt" placeholder:"SERVER" help:"A NATS server that an earlier run has named, and whose store was rebuilt, or that was removed, since then."`
}

// Help returns the long help.
func (c *eraseCommand) Help() string {
	return "Overwrites everything that is stored about a deleted client, with its dead letters and all snapshots, and stores " +
		"ClientErased, on which subscribers erase their copies. Older backups, exports and logs keep what they hold. The service " +
		"may be running; if an embedded service is stopped, the command opens its store. NATS must accept the login as an " +
		"administrator. On several servers it takes about four minutes, and all of them must be running. After an interruption run " +
		"the command again: it completes the erasure. " +
		"Exit code 0: the client is erased. 1: it is not, or not completely. 2: invalid settings."
}

// Run erases.
func (c *eraseCommand) Run(ctx context.Context, s streams, settings natsconn.Settings) error {
	var list *os.File
	if c.Log != "" {
		var err error
		if list, err = erasure.OpenList(c.Log); err != nil {
			return fmt.Errorf("erase: %w", err)
		}
	}
	client := erasure.Client{Account: string(c.Account), ID: int64(c.ID)}
	err := administer(ctx, settings, s, func(ctx context.Context, e *erasure.Eraser) error {
		err := e.Erase(ctx, c.Rebuilt, client)
		if err == nil && list != nil {
			if err = erasure.AppendToList(list, e.Erased(client)); err != nil {
				err = fmt.Errorf("%s is erased and not in the list: %w", client, err)
			}
		}
		return err
	})
	var away *erasure.AwayError
	switch {
	case err == nil && list != nil:
		fmt.Fprintf(s.out, "erased %s, which is in the list %s\n", client, c.Log)
		return nil
	case err == nil:
		fmt.Fprintf(s.out, "erased %s\n", client)
		return nil
	case errors.Is(err, context.Canceled):
		err = terminal.WithHint(err, "run this again: it completes what has begun")
	case errors.As(err, &away) && c.URL == "":
		err = terminal.WithHint(errors.New("the erasure is not complete yet"), "the service was started again and completes it, as /readyz shows: "+
			"run this again when it is ready; if its log has \"erasure not completed\", start it again first")
	case errors.As(err, &away) && away.Alone:
		err = terminal.WithHint(err, "this server alone has the streams, and may keep text of the client: "+migration)
	case errors.As(err, &away):
		err = terminal.WithHint(err, rebuild)
	}
	return fmt.Errorf("erase: %w", err)
}

// errEnded reports that the embedded server of a service has ended.
var errEnded = terminal.WithHint(errors.New("the service has ended"), "run this again: it opens the store of a stopped service")

// administer calls do with what erases on the NATS of a running service, or in the store of an embedded one that is stopped. If an
// embedded service ends it ends the context, and returns errEnded. It fails if the disk of an embedded service is full.
func administer(ctx context.Context, settings natsconn.Settings, s streams, do func(context.Context, *erasure.Eraser) error) error {
	dir := settings.DataDir // of an embedded service
	if dir != "" {
		if err := embedded.RequireRoom(dir); err != nil {
			return terminal.WithHint(err, "free space on the disk of %s, and run this again", dir)
		}
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	return settings.Administer(ctx, func(nc *nats.Conn, stopped bool) error {
		if dir != "" {
			nc.SetDisconnectErrHandler(func(*nats.Conn, error) { end(errEnded) })
		}
		e := erasure.New(nc, erasure.Config{
			Embedded: stopped, LogWait: erasure.LogWait, Progress: terminal.ProgressLines(s.err),
			NewFold: func() erasure.Fold { return readmodel.NewModel().Fold }, ClientOf: ingest.ClientOf,
		})
		err := do(ctx, e)
		if err == nil && dir != "" {
			err = embedded.AwaitRemoval(ctx, dir)
		}
		switch {
		case err != nil && errors.Is(context.Cause(ctx), errEnded):
			return errEnded
		case errors.Is(err, erasure.ErrDenyDelete):
			return terminal.WithHint(err, migration)
		}
		return err
	})
}

// rebuild is what helps with servers that were away.
const rebuild = "these servers may keep text of the client: stop one, remove its JetStream directory, start it, and wait " +
	"until it is current, one after the other; then run this again with --rebuilt SERVER for each"

// migration is what helps with a stream that has deny_delete.
const migration = "copy the store to a new one: clients backup FOLDER, also of a stopped embedded store, stop the service, and " +
	"clients restore FOLDER, to another data directory or with --replace; then run this again"
