package main

import (
	"context"
	"errors"
	"fmt"

	"clients/cmd/clients/internal/backup"
	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/cmd/clients/internal/version"

	"github.com/nats-io/nats.go"
)

// backupCommand copies the streams of the service into a folder.
type backupCommand struct {
	config.RunningFlags
	Folder  string `arg:"" help:"Folder of the backup, which must be empty or not exist. With --keep: the folder of all backups."`
	Keep    uint32 `default:"0" help:"Make the backup in a new folder within FOLDER, named by the time, and then delete the oldest complete backups there beyond this number, and incomplete ones. 0: delete none."`
	Sources bool   `help:"Also copy PROJECTS and INVOICES, which belong to other teams. What the service has recorded of them is in the backup anyway."`
}

// Help returns the long help.
func (c *backupCommand) Help() string {
	return "The service may be running: the backup has the state at the moment when the copy of CLIENTS begins. If an embedded service is stopped, the command opens its store. NATS must accept the login as an administrator. " +
		"Exit code 0: the backup is complete. 1: there is no backup, and what was written is removed. 2: invalid settings."
}

// Run makes a backup.
func (c *backupCommand) Run(ctx context.Context, s streams, settings natsconn.Settings) error {
	options := backup.Options{Sources: c.Sources, Version: version.Current().Version, Out: s.out, Err: s.err}
	return settings.Administer(ctx, func(nc *nats.Conn, _ bool) (err error) {
		if c.Keep > 0 {
			err = backup.CreateIn(ctx, nc, c.Folder, int(c.Keep), options)
		} else {
			err = backup.Create(ctx, nc, c.Folder, options)
		}
		if errors.Is(err, backup.ErrRemoved) {
			err = terminal.WithHint(err, "run this again when the erasure is complete")
		}
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		return nil
	})
}
