package events

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"clients/cmd/clients/internal/terminal"
	"clients/eventstore"
	"clients/eventstore/history"
)

// read prints the history from its first sequence to its last.
func (p *printer) read(ctx context.Context) error {
	h := p.history
	if h.First > h.Last {
		return nil
	}
	if p.progress {
		p.bar = terminal.NewProgress(p.err, h.Last-h.First+1, terminal.Messages)
		defer p.bar.Clear()
	}
	for record, fault := range p.records(ctx, h) {
		if p.bar != nil && record.Sequence > 0 {
			p.bar.Set(record.Sequence - h.First + 1)
		}
		event, err := p.check(record, fault)
		if err == nil && event {
			err = p.print(record)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// records returns the records that are asked for, in a part of the history.
func (p *printer) records(ctx context.Context, h *history.History) iter.Seq2[eventstore.Record, error] {
	if p.Account == "" && p.Client == 0 {
		return h.Records(ctx)
	}
	return h.RecordsOf(ctx, p.Account, p.Client)
}

// Reading backwards begins with a part of so many messages for each event that is wanted; each further part is longer.
const (
	tailPart   = 4
	tailGrowth = 8
)

// tail prints the last events of the history. It reads parts of it from the end, until there are enough.
func (p *printer) tail(ctx context.Context, wanted int) error {
	var kept []eventstore.Record
	first, end := p.history.First, p.history.Last
	length := tailPart * max(uint64(wanted), 16)
	if p.Client != 0 {
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

// last returns the last events of a part of the history.
func (p *printer) last(ctx context.Context, part *history.History, wanted int) (found []eventstore.Record, err error) {
	for record, fault := range p.records(ctx, part) {
		event, err := p.check(record, fault)
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

// check reports whether a message is an event of a client. It prints what is wrong with one that cannot be read.
func (p *printer) check(r eventstore.Record, fault error) (event bool, err error) {
	var corrupt *eventstore.CorruptError
	var unknown *eventstore.UnknownEventError
	var missing *eventstore.MissingError
	switch {
	case errors.As(fault, &corrupt), errors.As(fault, &unknown), errors.As(fault, &missing):
		p.faults++
		if p.bar != nil {
			p.bar.Clear()
		}
		_, err := fmt.Fprintln(p.err, fault)
		return false, err
	case fault != nil:
		return false, fault
	}
	return r.Event != nil && r.Foreign == "", nil
}
