// Package events prints what has happened to clients, for the subcommand events.
//
//	history.Records ──> Printer ──event──> standard output, a line each
//	                        └────fault──> standard error, a line each
//
// A Printer prints the stored events that Options select. With Follow it then prints new events, for which it looks four
// times a second, until its context ends or the output is closed. Reference events and messages without a valid envelope are
// not printed. An event with a version that its client already has is printed although it does not count: to know that, the
// Printer would have to read the events before the selected ones. Messages that are missing or cannot be read are reported
// and counted.
package events

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/domain"
	"clients/eventstore/history"
)

// Options are which events are printed, and how.
type Options struct {
	From    uint64  // the first sequence; 0 for the first one of the stream
	Last    *uint32 // how many of the last ones; nil for all
	Account string  // "" for all
	Client  int64   // 0 for all
	Follow  bool    // with what is stored later
	JSON    bool
}

// followInterval is how often a Printer looks for new events.
const followInterval = 250 * time.Millisecond

// Print prints the events of a history, and reports faults to report. The error counts messages that could not be read. An end of
// ctx is no error.
func Print(ctx context.Context, h *history.History, o Options, output, report io.Writer) error {
	p := &printer{Options: o, history: h, out: bufio.NewWriter(output), err: report}
	err := p.begin(ctx)
	if err == nil && o.Follow {
		err = p.follow(ctx, output)
	}
	if ctx.Err() != nil {
		err = nil
	}
	if flushed := p.out.Flush(); err == nil { // otherwise perhaps the same error again
		err = flushed
	}
	if err == nil && p.faults > 0 {
		err = fmt.Errorf("events: %s could not be read", domain.Counted(p.faults, "message"))
	}
	return err
}

// printer is one run of Print.
type printer struct {
	Options
	history *history.History // what is to be read next
	out     *bufio.Writer
	err     io.Writer
	faults  int
}

// begin prints what is there already of what is asked for. It leaves the history at its end.
func (p *printer) begin(ctx context.Context) (err error) {
	h, end := p.history, p.history.Last
	h.First = max(h.First, p.From)
	switch {
	case p.Last != nil:
		h.First, err = p.firstOfLast(ctx, int(*p.Last))
	case p.Follow && p.From == 0:
		h.First = end + 1
	}
	if err == nil && h.First > end && (p.Follow || p.From > end) {
		_, err = fmt.Fprintf(p.err, "the stream ends at sequence %d\n", end)
	}
	h.Last = max(end, h.First-1) // follow goes on behind it
	return errors.Join(err, p.read(ctx))
}

// follow prints what is stored, until ctx ends or the output is closed.
func (p *printer) follow(ctx context.Context, output any) error {
	tick := time.NewTicker(followInterval)
	defer tick.Stop()
	for {
		if err := p.out.Flush(); err != nil {
			return err
		}
		select {
		case <-tick.C:
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
