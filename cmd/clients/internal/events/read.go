package events

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"clients/eventstore"
	"clients/eventstore/history"
)

// read prints the history from its first sequence to its last, and reports what cannot be read.
func (p *printer) read(ctx context.Context) error {
	if p.history.First > p.history.Last {
		return nil
	}
	for record, err := range p.records(ctx, p.history) {
		switch {
		case isFault(err):
			p.faults++
			_, err = fmt.Fprintln(p.err, err)
		case err == nil && isEvent(record):
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

// Looking for the last events begins with a part of so many messages for each event that is wanted; each further part is longer.
const (
	lastPart   = 4
	lastGrowth = 8
)

// firstOfLast returns the sequence of the first of the last events. It looks for them in a part at the end of the history, and in
// longer ones until there are enough.
func (p *printer) firstOfLast(ctx context.Context, wanted int) (uint64, error) {
	first, end := p.history.First, p.history.Last
	if wanted == 0 || first > end {
		return max(first, end+1), nil
	}
	for length := lastPart * max(uint64(wanted), 16); ; length *= lastGrowth {
		part := *p.history
		if end-first >= length && p.Client == 0 { // one client's are few
			part.First = end - length + 1
		}
		var events []uint64
		for record, err := range p.records(ctx, &part) {
			if err != nil && !isFault(err) {
				return 0, err
			}
			if err == nil && isEvent(record) {
				events = append(events, record.Sequence)
			}
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if len(events) >= wanted {
			return events[len(events)-wanted], nil
		}
		if part.First == first {
			return first, nil
		}
	}
}

// isEvent reports whether a message is an event of a client.
func isEvent(r eventstore.Record) bool { return r.Event != nil && r.Foreign == "" }

// isFault reports whether an error is one of a message, behind which others can be read.
func isFault(err error) bool {
	return errors.As(err, new(*eventstore.CorruptError)) || errors.As(err, new(*eventstore.UnknownEventError)) || errors.As(err, new(*eventstore.MissingError))
}
