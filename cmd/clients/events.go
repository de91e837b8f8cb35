package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"clients/eventstore"

	"github.com/nats-io/nats.go"
)

// eventsCommand prints what has happened to clients.
type eventsCommand struct {
	runningFlags
	From    uint64 `name:"from" placeholder:"SEQUENCE" help:"Begin at this sequence."`
	Last    int    `name:"last" short:"n" placeholder:"N" help:"Begin with the last N of those that are asked for."`
	Account string `name:"account" help:"Of this account alone."`
	Client  int64  `name:"client" placeholder:"ID" help:"Of this client alone."`
	Follow  bool   `name:"follow" short:"f" help:"Go on with what happens from now on, until it is interrupted."`
	JSON    bool   `name:"json" help:"One JSON object a line."`
}

// Help says what the short help leaves out.
func (c *eventsCommand) Help() string {
	return "Exit code 0: everything was printed, or it was interrupted. 1: not everything could be read; what cannot be is told on the error output. 2: a wrong setting."
}

// followEvery is between two looks for new events.
const followEvery = 250 * time.Millisecond

// Run prints events, a line each.
func (c *eventsCommand) Run(ctx context.Context, s streams) error {
	if c.Last < 0 {
		return settingFaults{"--last must not be negative"}
	}
	nc, done, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer done()
	out := bufio.NewWriter(s.out)
	p := &eventPrinter{command: c, out: out, err: s.err}
	next, err := p.read(ctx, nc, c.From)
	if c.Last > 0 && err == nil {
		err = p.printKept()
	}
	for c.Follow && err == nil && ctx.Err() == nil {
		if err = out.Flush(); err != nil {
			break
		}
		select {
		case <-time.After(followEvery):
			c.Last = 0
			next, err = p.read(ctx, nc, next)
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		err = nil
	}
	if err = errors.Join(err, out.Flush()); err == nil && p.faults > 0 {
		err = fmt.Errorf("events: %d messages could not be read", p.faults)
	}
	return err
}

// eventPrinter prints the events that are asked for.
type eventPrinter struct {
	command *eventsCommand
	out     io.Writer
	err     io.Writer
	faults  int
	kept    []eventstore.Record // the last ones so far, where the last are asked for
}

// read goes through the stream from a sequence to its present end, and answers what comes behind that. The bar shows
// where nothing is printed meanwhile.
func (p *eventPrinter) read(ctx context.Context, nc *nats.Conn, from uint64) (next uint64, err error) {
	history, err := openHistory(ctx, nc)
	if err != nil {
		return from, err
	}
	if history.First = max(history.First, from); history.First > history.Last {
		return max(from, history.Last+1), nil
	}
	var bar *progress
	if p.command.Last > 0 || p.command.Client != 0 || p.command.Account != "" {
		bar = newProgress(p.err, history.Last-history.First+1, inMessages)
		defer bar.clear()
	}
	for record, fault := range history.Records(ctx) {
		if bar != nil && record.Sequence > 0 {
			bar.reach(record.Sequence - history.First + 1)
		}
		if err := p.take(record, fault); err != nil {
			return 0, err
		}
	}
	return history.Last + 1, ctx.Err()
}

// take prints or keeps an event, or tells what cannot be read.
func (p *eventPrinter) take(r eventstore.Record, fault error) error {
	var corrupt *eventstore.CorruptError
	var unknown *eventstore.UnknownEventError
	var missing *eventstore.MissingError
	switch {
	case errors.As(fault, &corrupt), errors.As(fault, &unknown), errors.As(fault, &missing):
		p.faults++
		_, err := fmt.Fprintln(p.err, "clients:", fault)
		return err
	case fault != nil:
		return fault
	case r.Fact != nil, r.Stray != "", p.command.Client != 0 && r.ClientID != p.command.Client, p.command.Account != "" && r.Account != p.command.Account:
		return nil
	case p.command.Last > 0:
		if p.kept = append(p.kept, r); len(p.kept) > p.command.Last {
			p.kept = p.kept[1:]
		}
		return nil
	}
	return p.print(r)
}

func (p *eventPrinter) printKept() error {
	for _, r := range p.kept {
		if err := p.print(r); err != nil {
			return err
		}
	}
	p.kept = nil
	return nil
}
