package main

import (
	"cmp"
	"context"
	"errors"
	"os"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/cmd/clients/internal/verify"
	"clients/eventstore/embedded"
)

// verifyCommand looks through all that is stored.
type verifyCommand struct {
	natsconn.Settings `set:"without_nats_url=the embedded server of CLIENTS_DATA_DIR"`
	DataDir           string `name:"data-dir" default:"" help:"Check the store of an embedded server that is not running. The command checks a copy in the folder for temporary files (TMPDIR) and leaves the store unchanged."`
	Strays            bool   `help:"Also list foreign messages: messages on the subjects of the service that are not its events, and events with a version that their client already has. They are not faults."`
	JSON              bool   `name:"json" help:"One JSON object per line."`
}

// Help returns the long help.
func (c *verifyCommand) Help() string {
	return "Exit code 0: no faults. 1: faults were found, or not everything could be read. 2: invalid settings."
}

// Run verifies. What it finds goes to the output, a line each.
func (c *verifyCommand) Run(ctx context.Context, s streams) error {
	report := &verify.Report{Out: s.out, Bars: s.err, JSON: c.JSON, Strays: c.Strays}
	if c.DataDir != "" && c.URL != "" {
		return config.Faults{"--data-dir: must not be used with CLIENTS_NATS_URL"}
	}
	if c.DataDir != "" {
		err := verify.RunStopped(ctx, c.DataDir, report)
		if errors.Is(err, embedded.ErrLocked) {
			err = terminal.WithHint(err, "to check the store of a service that runs use CLIENTS_DATA_DIR=%s instead of --data-dir", c.DataDir)
		}
		return err
	}
	running := config.RunningFlags{Settings: c.Settings, DataDir: cmp.Or(os.Getenv("CLIENTS_DATA_DIR"), "./clients-data")}
	nc, err := running.ProvideConnection(ctx)
	if errors.Is(err, embedded.ErrNotRunning) {
		err = terminal.WithHint(err, "to check a stopped store use --data-dir DIR")
	}
	if err != nil {
		return err
	}
	return verify.Run(ctx, nc, report)
}
