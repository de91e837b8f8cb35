package main

import (
	"context"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/events"
	"clients/cmd/clients/internal/natsconn"

	"github.com/nats-io/nats.go"
)

// eventsCommand prints what has happened to clients.
type eventsCommand struct {
	config.RunningFlags
	From    uint64          `name:"from" placeholder:"SEQUENCE" help:"Start at this sequence."`
	Last    *uint32         `name:"last" short:"n" placeholder:"N" help:"Start with the last N of the selected events."`
	Account config.Account  `name:"account" help:"Only events of this account."`
	Client  config.Positive `name:"client" placeholder:"ID" help:"Only events of this client."`
	Follow  bool            `name:"follow" short:"f" help:"Continue with new events until interrupted or the output is closed."`
	JSON    bool            `name:"json" help:"One JSON object per line."`
}

// Help returns the long help.
func (c *eventsCommand) Help() string {
	return "Prints all events unless --from or --last is given. --follow alone prints only new events, like --last 0 --follow; " +
		"--from 1 --follow prints all events and continues. With --follow, a --from beyond the end of the stream waits for that sequence. " +
		"With --client or --account only their events are read; otherwise missing messages are reported as well. " +
		"Foreign messages are not printed, except events with a version that their client already has. " +
		"Exit code 0: all events were printed, or the command was interrupted. 1: some could not be read and were reported on standard error. 2: invalid settings."
}

// Run prints events, a line each.
func (c *eventsCommand) Run(ctx context.Context, s streams, nc *nats.Conn) error {
	h, err := natsconn.OpenHistory(ctx, nc)
	if err != nil {
		return err
	}
	o := events.Options{From: c.From, Last: c.Last, Account: string(c.Account), Client: int64(c.Client), Follow: c.Follow, JSON: c.JSON}
	return events.Print(ctx, h, o, s.out, s.err)
}
