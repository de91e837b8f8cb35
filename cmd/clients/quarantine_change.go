package main

import (
	"context"
	"errors"
	"fmt"

	"clients/cmd/clients/internal/terminal"
	"clients/domain"
	"clients/eventstore/deadletter"

	"github.com/nats-io/nats.go"
)

// quarantineRetryCommand has the running service try dead letters again.
type quarantineRetryCommand struct{ chosenLetters }

// quarantineDropCommand deletes dead letters.
type quarantineDropCommand struct{ chosenLetters }

// chosenLetters are the dead letters that a command is about.
type chosenLetters struct {
	Numbers []uint64 `arg:"" optional:"" help:"Numbers of the messages, as list shows them."`
	All     bool     `help:"All messages in quarantine."`
}

// Validate checks that messages are chosen.
func (c chosenLetters) Validate() error {
	if c.All == (len(c.Numbers) > 0) {
		return errors.New("name messages by number, or use --all")
	}
	return nil
}

// Run retries the chosen dead letters.
func (c *quarantineRetryCommand) Run(ctx context.Context, s streams, nc *nats.Conn) error {
	return c.each(ctx, s, nc, "recorded", (*deadletter.Store).Retry)
}

// Run deletes the chosen dead letters.
func (c *quarantineDropCommand) Run(ctx context.Context, s streams, nc *nats.Conn) error {
	return c.each(ctx, s, nc, "dropped", (*deadletter.Store).Drop)
}

// each calls do with each chosen dead letter and reports the outcome. It fails if one of them fails, and stops if all would.
func (c chosenLetters) each(ctx context.Context, s streams, nc *nats.Conn, success string,
	do func(*deadletter.Store, context.Context, uint64) error) error {
	letters, numbers := deadletter.New(nc), c.Numbers
	if c.All {
		for l, err := range letters.All(ctx) {
			if err != nil {
				return err
			}
			numbers = append(numbers, l.Number)
		}
	}
	failed := 0
	for _, number := range numbers {
		err := do(letters, ctx, number)
		if errors.Is(err, deadletter.ErrNoService) || errors.Is(err, deadletter.ErrAway) { // the others would fail, too
			return err
		}
		outcome := success
		if err != nil {
			failed++
			outcome = err.Error()
		}
		fmt.Fprintf(s.out, "%d: %s\n", number, terminal.Printable(outcome))
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s failed", failed, domain.Counted(len(numbers), "message"))
	}
	return nil
}
