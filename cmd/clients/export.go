package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/domain"
	"clients/projections/readmodel"
	"clients/projections/snapshot"
	"clients/transport"
)

// exportCommand writes all clients of an account.
type exportCommand struct {
	config.RunningFlags
	Account string `name:"account" default:"default" help:"Account to export."`
	JSON    bool   `name:"json" help:"JSON instead of XML."`
	Output  string `name:"output" short:"o" default:"-" help:"File to write, which must not exist yet; - for the standard output."`
}

// Help returns the long help.
func (c *exportCommand) Help() string {
	return "Writes what GET /clients returns, as of the moment when it begins. clients import reads it. " +
		"Exit code 0: the export is complete. 1: it is not. 2: invalid settings."
}

// Run exports.
func (c *exportCommand) Run(ctx context.Context, s streams) (err error) {
	if !domain.ValidAccount(c.Account) {
		return config.Faults{"--account: must be 1 to 63 of a-z, 0-9 and -"}
	}
	nc, err := c.Connect(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	history, err := natsconn.OpenHistory(ctx, nc)
	if err != nil {
		return err
	}
	snapshots, err := natsconn.Snapshots(nc)
	if err != nil {
		return err
	}
	bar := terminal.NewProgress(s.err, history.Last, terminal.Messages)
	model, err := snapshot.Replay(ctx, snapshots, history, bar.Set)
	bar.Clear()
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	listing := model.List(c.Account)
	if err := c.write(s.out, listing); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	_, err = fmt.Fprintf(s.err, "%s, as of sequence %d\n", domain.Counted(listing.Len, "client"), history.Last)
	return err
}

func (c *exportCommand) write(stdout io.Writer, listing readmodel.Listing) (err error) {
	out := stdout
	if c.Output != "-" {
		file, err := os.OpenFile(c.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out = file
	}
	buffered := bufio.NewWriter(out)
	return errors.Join(transport.WriteList(buffered, listing, c.JSON), buffered.Flush())
}
