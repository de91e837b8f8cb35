package natsconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"clients/cmd/clients/internal/terminal"

	"github.com/nats-io/nats.go"
)

// violationError reports that NATS refuses the user something.
type violationError struct{ what string } // in the server's words

func (e *violationError) Error() string { return fmt.Sprintf("permission denied by NATS: %s", e.what) }

type cancelKey struct{}

// WithPermissions returns a context that ends when NATS refuses something to a connection made with it.
func WithPermissions(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	return context.WithValue(ctx, cancelKey{}, cancel)
}

// PermissionError returns what NATS has refused under ctx, in place of the error that followed from it. Otherwise it
// returns err.
func PermissionError(ctx context.Context, err error) error {
	refused := new(violationError)
	if errors.As(err, &refused) || errors.As(context.Cause(ctx), &refused) {
		return terminal.WithHint(refused, "log in as an administrator")
	}
	return err
}

// reportViolation ends the context and the connection when NATS refuses something, so that nothing waits any longer.
func reportViolation(ctx context.Context, log *slog.Logger) nats.Option {
	cancel, _ := ctx.Value(cancelKey{}).(context.CancelCauseFunc)
	return nats.ErrorHandler(func(nc *nats.Conn, _ *nats.Subscription, err error) {
		what := Denied(err)
		if cancel == nil || what == "" {
			log.Warn("NATS error", "error", err)
			return
		}
		cancel(&violationError{what})
		nc.Close()
	})
}

// Denied returns for which action the user lacks a permission, in the server's words, or "" if err reports something else.
func Denied(err error) string {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return ""
	}
	what := err.Error()
	if _, rest, found := strings.Cut(what, "Permissions Violation for "); found {
		return rest
	}
	return what
}
