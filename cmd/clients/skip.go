package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/eventstore/erasure"
)

// maxReason is how many characters a reason may have.
const maxReason = 500

// skipCommand removes a message that stops the service.
type skipCommand struct {
	config.RunningFlags
	Sequence config.Positive `arg:"" help:"Sequence of the message in the stream CLIENTS, as the service reports it."`
	Reason   string          `name:"reason" required:"" help:"Why the message is skipped; it is stored in the stream."`
}

// Help returns the long help.
func (c *skipCommand) Help() string {
	return "Copies a message that the service stops at to the quarantine, records the reason, and deletes it from the stream. " +
		"A running service continues within seconds; if an embedded service does not start, the command opens its store. " +
		"NATS must accept the login as an administrator. The command refuses a message that the service does not stop at. " +
		"Exit code 0: the message is skipped and deleted. 1: it is not. 2: invalid settings."
}

// Run skips.
func (c *skipCommand) Run(ctx context.Context, s streams, settings natsconn.Settings) error {
	if strings.TrimSpace(c.Reason) == "" || utf8.RuneCountInString(c.Reason) > maxReason {
		return config.Faults{fmt.Sprintf("--reason: must have 1 to %d characters", maxReason)}
	}
	err := administer(ctx, settings, s, func(ctx context.Context, e *erasure.Eraser) error {
		return e.Skip(ctx, uint64(c.Sequence), c.Reason)
	})
	switch {
	case errors.Is(err, erasure.ErrNoMessage):
		err = terminal.WithHint(err, "a message that is missing, or that NATS cannot read, cannot be skipped: restore a backup if the service stops at it")
	case errors.Is(err, erasure.ErrKept):
		err = terminal.WithHint(err, "run this again when they are current")
	case errors.Is(err, erasure.ErrTooLarge) && c.URL == "":
		err = terminal.WithHint(err, "stop the service and run this again: on a stopped store the limit is 2 MiB")
	case errors.Is(err, erasure.ErrTooLarge):
		err = terminal.WithHint(err, "raise max_payload of the NATS servers, and run this again")
	case err == nil:
		fmt.Fprintf(s.out, "skipped message %d\n", c.Sequence)
		return nil
	}
	return fmt.Errorf("skip %d: %w", c.Sequence, err)
}
