package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/terminal"
	"clients/eventstore/deadletter"
	"clients/projections/ingest"

	"github.com/nats-io/nats.go"
)

// quarantineCommand deals with dead letters: messages of other services that cannot be used.
type quarantineCommand struct {
	config.RunningFlags

	List  quarantineListCommand  `cmd:"" help:"List the messages in quarantine: number, position and reason of each."`
	Show  quarantineShowCommand  `cmd:"" help:"Show all of one message."`
	Retry quarantineRetryCommand `cmd:"" help:"Have the running service try messages again. A message that can now be processed is recorded and leaves the quarantine."`
	Drop  quarantineDropCommand  `cmd:"" help:"Delete messages for good and overwrite them in the files. All NATS servers must be running."`
}

type quarantineListCommand struct {
	JSON bool `name:"json" help:"One JSON object per line."`
}

type quarantineShowCommand struct {
	Number uint64 `arg:"" help:"Number of the message, as list shows it."`
}

// Run lists all dead letters, as a table or as JSON.
func (c *quarantineListCommand) Run(ctx context.Context, s streams, nc *nats.Conn) error {
	table, lines := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0), json.NewEncoder(s.out)
	found := 0
	for l, err := range deadletter.New(nc).All(ctx) {
		if err != nil {
			return err
		}
		found++
		m, kind := l.Message, ingest.EventType(l.Message)
		if c.JSON {
			if err := lines.Encode(map[string]any{
				"number": l.Number, "since": l.At.UTC(), "stream": m.Stream, "sequence": m.Sequence, "subject": m.Subject,
				"type": kind, "reason": l.Reason, "detail": l.Detail,
			}); err != nil {
				return err
			}
			continue
		}
		if found == 1 {
			fmt.Fprintln(table, "NUMBER\tSINCE\tSTREAM\tSEQUENCE\tSUBJECT\tTYPE\tREASON\tDETAIL")
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n",
			l.Number, l.At.UTC().Format(time.DateTime), m.Stream, m.Sequence, terminal.Printable(m.Subject), terminal.Printable(kind), l.Reason, terminal.Printable(l.Detail))
	}
	if found == 0 && !c.JSON {
		fmt.Fprintln(s.out, "nothing in quarantine")
	}
	return table.Flush()
}

// Run shows one dead letter.
func (c *quarantineShowCommand) Run(ctx context.Context, s streams, nc *nats.Conn) error {
	l, err := deadletter.New(nc).Get(ctx, c.Number)
	if err != nil {
		return fmt.Errorf("show %d: %w", c.Number, err)
	}
	m := l.Message
	fmt.Fprintf(s.out, "number    %d, since %s\nreason    %s\ndetail    %s\n", l.Number, l.At.UTC().Format(time.RFC3339), l.Reason, terminal.Printable(l.Detail))
	fmt.Fprintf(s.out, "was       sequence %d of stream %s, stored %s\nsubject   %s\n", m.Sequence, m.Stream, m.StoredAt.UTC().Format(time.RFC3339Nano), terminal.Printable(m.Subject))
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		fmt.Fprintf(s.out, "header    %s: %s\n", terminal.Printable(name), terminal.Printable(strings.Join(m.Header[name], ", ")))
	}
	fmt.Fprintf(s.out, "data      %s\n", terminal.PrintableLines(string(m.Data)))
	return nil
}
