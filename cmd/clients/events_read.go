package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"clients/cmd/clients/internal/terminal"
	"clients/eventstore"
)

// eventPrinter prints the events that are asked for.
type eventPrinter struct {
	command *eventsCommand
	history *eventstore.History // what is to be read next
	out     *bufio.Writer
	err     io.Writer
	watched bool // by a bar, where the output goes elsewhere
	bar     *terminal.Progress
	faults  int
}

type records = iter.Seq2[eventstore.Record, error]

// read prints a history from its first sequence to its last.
func (p *eventPrinter) read(ctx context.Context) error {
	h := p.history
	if h.First > h.Last {
		return nil
	}
	if p.watched {
		p.bar = terminal.NewProgress(p.err, h.Last-h.First+1, terminal.Messages)
		defer p.clear()
	}
	for record, fault := range p.events(ctx, h) {
		if p.bar != nil && record.Sequence > 0 {
			p.bar.Set(record.Sequence - h.First + 1)
		}
		event, err := p.take(record, fault)
		if err == nil && event {
			err = p.print(record)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Reading backwards begins with a part of so many messages for each event that is wanted; each further part is longer.
const (
	tailPart   = 4
	tailGrowth = 8
)

// tail prints the last events of a history. It reads parts of it from the end, until there are enough.
func (p *eventPrinter) tail(ctx context.Context, wanted int) error {
	var kept []eventstore.Record
	first, end := p.history.First, p.history.Last
	length := tailPart * max(uint64(wanted), 16)
	if p.command.Client != nil {
		length = end // one client's are few
	}
	for end >= first && len(kept) < wanted {
		part := *p.history
		if part.Last = end; end-first >= length {
			part.First = end - length + 1
		}
		found, err := p.last(ctx, &part, wanted-len(kept))
		if err != nil {
			return err
		}
		kept = append(found, kept...)
		end, length = part.First-1, length*tailGrowth
	}
	for _, record := range kept {
		if err := p.print(record); err != nil {
			return err
		}
	}
	return nil
}

// last are the last events of a part.
func (p *eventPrinter) last(ctx context.Context, part *eventstore.History, wanted int) (found []eventstore.Record, err error) {
	for record, fault := range p.events(ctx, part) {
		event, err := p.take(record, fault)
		if err != nil {
			return nil, err
		}
		if event {
			found = append(found, record)
		}
		if len(found) == 2*wanted {
			found = append(found[:0], found[wanted:]...)
		}
	}
	return found[max(0, len(found)-wanted):], ctx.Err()
}

// take tells whether a message is an event, and of one that cannot be read what is wrong with it.
func (p *eventPrinter) take(r eventstore.Record, fault error) (event bool, err error) {
	var corrupt *eventstore.CorruptError
	var unknown *eventstore.UnknownEventError
	var missing *eventstore.MissingError
	switch {
	case errors.As(fault, &corrupt), errors.As(fault, &unknown), errors.As(fault, &missing):
		p.faults++
		p.clear()
		_, err := fmt.Fprintln(p.err, "clients:", fault)
		return false, err
	case fault != nil:
		return false, fault
	}
	return r.Reference == nil && r.Foreign == "", nil
}

func (p *eventPrinter) clear() {
	if p.bar != nil {
		p.bar.Clear()
	}
}
