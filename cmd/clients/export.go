package main

import (
	"context"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/export"
	"clients/domain"
	"clients/transport/wire"
)

// exportCommand writes all clients of an account, or the history of one.
type exportCommand struct {
	config.RunningFlags
	Account string  `name:"account" default:"default" help:"Account to export."`
	AsOf    *string `name:"as-of" placeholder:"TIME" help:"The list as of the end of this second, such as '2010-09-25 18:30'; UTC without an offset."`
	Client  *int64  `name:"client" placeholder:"ID" help:"With --history: the client, which may be deleted."`
	History bool    `name:"history" help:"The history of a client instead of the list."`
	JSON    bool    `name:"json" help:"JSON instead of XML, or of CSV with --history."`
	Output  string  `name:"output" short:"o" default:"-" help:"File to write, which must not exist yet; - for the standard output."`
}

// Help returns the long help.
func (c *exportCommand) Help() string {
	return "Writes what GET /clients returns, as of the moment when it begins. clients import reads it. " +
		"With --as-of it is the list of an earlier time; the whole stream up to then is read. " +
		"With --client and --history it is every event of a client, for a data-subject request: in CSV a row for each attribute that " +
		"an event changed, in JSON what GET /clients/ID/history returns. " +
		"Exit code 0: the export is complete. 1: it is not, or there never was such a client. 2: invalid settings."
}

// Run exports.
func (c *exportCommand) Run(ctx context.Context, s streams) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	nc, err := c.Connect(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	return export.Run(ctx, nc, o, s.out, s.err)
}

func (c *exportCommand) options() (export.Options, error) {
	o := export.Options{Account: c.Account, JSON: c.JSON, Output: c.Output}
	var faults config.Faults
	if !domain.ValidAccount(c.Account) {
		faults.Add("--account", "must be 1 to 63 of a-z, 0-9 and -")
	}
	if c.AsOf != nil {
		at, ok := wire.ParseTime(*c.AsOf)
		if o.AsOf = &at; !ok {
			faults.Add("--as-of", "must be a date and time such as 2010-09-25 18:30")
		}
		if c.History {
			faults.Add("--as-of", "is for lists, not for --history")
		}
	}
	switch {
	case c.History && c.Client == nil:
		faults.Add("--history", "needs --client")
	case c.Client != nil && !c.History:
		faults.Add("--client", "needs --history")
	}
	if c.Client != nil {
		if o.Client = *c.Client; o.Client <= 0 {
			faults.Add("--client", "must be above 0")
		}
	}
	return o, faults.Err()
}
