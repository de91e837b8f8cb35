package main

import (
	"context"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/events"
	"clients/cmd/clients/internal/natsconn"
	"clients/domain"
)

// eventsCommand prints what has happened to clients.
type eventsCommand struct {
	config.RunningFlags
	From    uint64  `name:"from" placeholder:"SEQUENCE" help:"Begin at this sequence."`
	Last    *int    `name:"last" short:"n" placeholder:"N" help:"Begin with the last N of those that are asked for."`
	Account *string `name:"account" help:"Of this account alone."`
	Client  *int64  `name:"client" placeholder:"ID" help:"Of this client alone."`
	Follow  bool    `name:"follow" short:"f" help:"Go on with what happens from now on, until it is interrupted or its output is closed."`
	JSON    bool    `name:"json" help:"One JSON object a line."`
}

// Help adds to the short help.
func (c *eventsCommand) Help() string {
	return "Without --from and --last it begins at the beginning; --follow alone begins with what happens from now on, as --last 0 --follow does: " +
		"--from 1 --follow prints everything and goes on. With --follow it waits for a --from that the stream has not reached. " +
		"With --client or --account only their events are read; without them missing messages are reported as well. " +
		"Exit code 0: everything was printed, or it was interrupted. 1: some messages are missing or cannot be read; they are listed on standard error. 2: an invalid setting."
}

// Run prints events, a line each.
func (c *eventsCommand) Run(ctx context.Context, s streams) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	nc, err := c.Connect(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	h, err := natsconn.OpenHistory(ctx, nc)
	if err != nil {
		return err
	}
	return events.Print(ctx, h, o, s.out, s.err)
}

func (c *eventsCommand) options() (events.Options, error) {
	o := events.Options{From: c.From, Last: c.Last, Follow: c.Follow, JSON: c.JSON}
	var faults config.Faults
	if c.Last != nil && *c.Last < 0 {
		faults.Add("--last", "must not be negative")
	}
	if c.Account != nil {
		if o.Account = *c.Account; !domain.ValidAccount(o.Account) {
			faults.Add("--account", "must be 1 to 63 of a-z, 0-9 and -")
		}
	}
	if c.Client != nil {
		if o.Client = *c.Client; o.Client <= 0 {
			faults.Add("--client", "must be above 0")
		}
	}
	return o, faults.Err()
}
