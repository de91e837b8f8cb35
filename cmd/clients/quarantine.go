package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/projections/ingest"
)

// quarantineCommand is for the messages of other services that cannot be used.
type quarantineCommand struct {
	runningFlags

	List  quarantineListCommand  `cmd:"" help:"List the messages in quarantine, each with its number, where it was and why it cannot be used."`
	Show  quarantineShowCommand  `cmd:"" help:"Show one message whole."`
	Retry quarantineRetryCommand `cmd:"" help:"Have the running service try messages again. What it can use now, it records, and takes out of quarantine."`
	Drop  quarantineDropCommand  `cmd:"" help:"Forget messages for good."`
}

type quarantineListCommand struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

type quarantineShowCommand struct {
	Number uint64 `arg:"" help:"Number of the message, as list shows it."`
}

type quarantineRetryCommand struct{ chosen }

type quarantineDropCommand struct{ chosen }

// chosen are the messages that a command is about.
type chosen struct {
	Numbers []uint64 `arg:"" optional:"" help:"Numbers of the messages, as list shows them."`
	All     bool     `help:"All messages in quarantine."`
}

// open connects to the quarantine of a running service.
func (c *quarantineCommand) open(ctx context.Context) (_ *eventstore.Quarantine, done func(), err error) {
	nc, done, err := c.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	quarantine, err := eventstore.NewQuarantine(nc)
	return quarantine, done, err
}

// Run lists.
func (c *quarantineListCommand) Run(ctx context.Context, s streams, parent *quarantineCommand) error {
	quarantine, done, err := parent.open(ctx)
	if err != nil {
		return err
	}
	defer done()
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	lines := json.NewEncoder(s.out)
	found := 0
	for q, err := range quarantine.All(ctx) {
		if err != nil {
			return err
		}
		if found++; c.JSON {
			if err := lines.Encode(listed(q)); err != nil {
				return err
			}
			continue
		}
		if found == 1 {
			fmt.Fprintln(table, "NUMBER\tSINCE\tSTREAM\tSEQUENCE\tSUBJECT\tTYPE\tREASON\tDETAIL")
		}
		m := q.Message
		fmt.Fprintf(table, "%d\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", q.Number, q.At.UTC().Format(time.DateTime), m.Stream, m.Sequence,
			m.Subject, ingest.EventType(m), q.Reason, q.Detail)
	}
	if found == 0 && !c.JSON {
		fmt.Fprintln(s.out, "Nothing is in quarantine.")
	}
	return table.Flush()
}

// listed is a line of list --json.
func listed(q eventstore.Quarantined) map[string]any {
	m := q.Message
	return map[string]any{
		"number": q.Number, "since": q.At.UTC(), "stream": m.Stream, "sequence": m.Sequence, "subject": m.Subject,
		"type": ingest.EventType(m), "reason": q.Reason, "detail": q.Detail,
	}
}

// Run shows one.
func (c *quarantineShowCommand) Run(ctx context.Context, s streams, parent *quarantineCommand) error {
	quarantine, done, err := parent.open(ctx)
	if err != nil {
		return err
	}
	defer done()
	q, err := quarantine.Get(ctx, c.Number)
	if err != nil {
		return fmt.Errorf("show %d: %w", c.Number, err)
	}
	show(s.out, q)
	return nil
}

func show(w io.Writer, q eventstore.Quarantined) {
	m := q.Message
	fmt.Fprintf(w, "number    %d, since %s\nreason    %s\ndetail    %s\n", q.Number, q.At.UTC().Format(time.RFC3339), q.Reason, q.Detail)
	fmt.Fprintf(w, "was       sequence %d of stream %s, stored %s\nsubject   %s\n", m.Sequence, m.Stream, m.StoredAt.UTC().Format(time.RFC3339Nano), m.Subject)
	var names []string
	for name := range m.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(w, "header    %s: %s\n", name, strings.Join(m.Header[name], ", "))
	}
	fmt.Fprintf(w, "data      %s\n", m.Data)
}

// Run tries again.
func (c *quarantineRetryCommand) Run(ctx context.Context, s streams, parent *quarantineCommand) error {
	return c.each(ctx, s, parent, "recorded", (*eventstore.Quarantine).Retry)
}

// Run forgets.
func (c *quarantineDropCommand) Run(ctx context.Context, s streams, parent *quarantineCommand) error {
	return c.each(ctx, s, parent, "dropped", (*eventstore.Quarantine).Drop)
}

// each does something with every chosen message, and says how it went; it fails when one of them fails.
func (c chosen) each(ctx context.Context, s streams, parent *quarantineCommand, success string,
	do func(*eventstore.Quarantine, context.Context, uint64) error) error {
	if c.All == (len(c.Numbers) > 0) {
		return settingFaults{"name the messages by their numbers, or all of them by --all"}
	}
	quarantine, done, err := parent.open(ctx)
	if err != nil {
		return err
	}
	defer done()
	numbers := c.Numbers
	if c.All {
		if numbers, err = allNumbers(ctx, quarantine); err != nil {
			return err
		}
	}
	failed := 0
	for _, number := range numbers {
		err := do(quarantine, ctx, number)
		if errors.Is(err, eventstore.ErrNoService) {
			return err
		}
		if err != nil {
			failed++
			fmt.Fprintf(s.out, "%d: %v\n", number, err)
			continue
		}
		fmt.Fprintf(s.out, "%d: %s\n", number, success)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s still as before", failed, domain.Counted(len(numbers), "message"))
	}
	return nil
}

func allNumbers(ctx context.Context, quarantine *eventstore.Quarantine) (numbers []uint64, err error) {
	for q, err := range quarantine.All(ctx) {
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, q.Number)
	}
	return numbers, nil
}
