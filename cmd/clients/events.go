package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/domain"
	"clients/eventstore"
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

// Help says what the short help leaves out.
func (c *eventsCommand) Help() string {
	return "Without --from and --last it begins at the beginning; --follow alone begins with what happens from now on, as --last 0 --follow does: " +
		"--from 1 --follow prints everything and goes on. A --from that the stream has not reached is waited for with --follow. " +
		"What is asked for by --client or --account alone is all that is read; without them a message that is missing is told as well. " +
		"Exit code 0: everything was printed, or it was interrupted. 1: not everything could be read; what cannot be is told on the error output. 2: a wrong setting."
}

// followEvery is between two looks for new events.
const followEvery = 250 * time.Millisecond

// Run prints events, a line each.
func (c *eventsCommand) Run(ctx context.Context, s streams) error {
	if err := c.check(); err != nil {
		return err
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
	p := &eventPrinter{command: c, history: history, out: bufio.NewWriter(s.out), err: s.err, watched: !terminal.IsTerminal(s.out)}
	err = p.begin(ctx)
	if err == nil && c.Follow {
		err = p.follow(ctx, s.out)
	}
	if ctx.Err() != nil {
		err = nil
	}
	if err = errors.Join(err, p.out.Flush()); err == nil && p.faults > 0 {
		err = fmt.Errorf("events: %s could not be read", domain.Counted(int(p.faults), "message"))
	}
	return err
}

func (c *eventsCommand) check() error {
	var faults config.Faults
	if c.Last != nil && *c.Last < 0 {
		faults.Add("--last", "must not be negative")
	}
	if c.Account != nil && !domain.ValidAccount(*c.Account) {
		faults.Add("--account", "must be 1 to 63 of a-z, 0-9 and -")
	}
	if c.Client != nil && *c.Client <= 0 {
		faults.Add("--client", "must be above 0")
	}
	return faults.Err()
}

// begin prints what is there already of what is asked for. It leaves the history at its end.
func (p *eventPrinter) begin(ctx context.Context) error {
	h, end := p.history, p.history.Last
	if h.First = max(h.First, p.command.From); p.command.Follow && p.command.From == 0 && p.command.Last == nil {
		h.First = end + 1
	}
	h.Last = max(end, h.First-1) // so that it is gone on with from there
	var err error
	switch {
	case p.command.Last != nil && *p.command.Last > 0 && h.First <= end:
		err = p.tail(ctx, *p.command.Last)
	case p.command.Last == nil && h.First <= end:
		err = p.read(ctx)
	case p.command.Follow:
		_, err = fmt.Fprintf(p.err, "clients: waiting for what comes at sequence %d and behind; the stream ends at %d\n", h.Last+1, end)
	case p.command.From > end:
		_, err = fmt.Fprintf(p.err, "clients: the stream ends at sequence %d\n", end)
	}
	return err
}

// follow goes on until ctx ends or nobody reads the output any more.
func (p *eventPrinter) follow(ctx context.Context, output any) error {
	look := time.NewTicker(followEvery)
	defer look.Stop()
	for {
		if err := p.out.Flush(); err != nil {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if terminal.OutputClosed(output) {
			return nil
		}
		if err := natsconn.WithLimit(ctx, p.history.Extend); err != nil {
			return err
		}
		if err := p.read(ctx); err != nil {
			return err
		}
	}
}

// events are those that are asked for, in a part of the history.
func (p *eventPrinter) events(ctx context.Context, h *eventstore.History) records {
	if p.command.Account == nil && p.command.Client == nil {
		return h.Records(ctx)
	}
	return h.RecordsOf(ctx, valueOf(p.command.Account), valueOf(p.command.Client))
}

func valueOf[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
