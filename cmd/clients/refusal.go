package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"clients/eventstore"

	"github.com/nats-io/nats.go"
)

// refusedError tells that NATS does not let the user do what a subcommand needs. NATS does not answer what it refuses: it
// says so beside, to the connection, and whoever asked would wait for the answer until he gives up.
type refusedError struct{ what string } // in the server's words

func (e *refusedError) Error() string {
	return fmt.Sprintf("the user may not do this at NATS (%s): log in as an administrator", e.what)
}

type refuseKey struct{}

// refusable answers a context that ends where NATS refuses something to a connection that was made with it.
func refusable(ctx context.Context) context.Context {
	ctx, refuse := context.WithCancelCause(ctx)
	return context.WithValue(ctx, refuseKey{}, refuse)
}

// refusal answers what NATS has refused, instead of the error that came of it.
func refusal(ctx context.Context, err error) error {
	if refused := new(refusedError); errors.As(context.Cause(ctx), &refused) && !errors.As(err, new(*refusedError)) {
		return refused
	}
	return err
}

// endsRefused is an option of a connection: where NATS refuses it something the context ends, and the connection with it,
// so that nobody waits any longer.
func endsRefused(ctx context.Context, log *slog.Logger) nats.Option {
	refuse, _ := ctx.Value(refuseKey{}).(context.CancelCauseFunc)
	return nats.ErrorHandler(func(nc *nats.Conn, _ *nats.Subscription, err error) {
		if refuse == nil || !errors.Is(err, nats.ErrPermissionViolation) {
			log.Warn("nats", "error", err)
			return
		}
		what := err.Error()
		if _, rest, found := strings.Cut(what, "Permissions Violation for "); found {
			what = rest
		}
		refuse(&refusedError{what})
		nc.Close()
	})
}

// reachesStreams returns an error where the user's account does not hold the streams, as a partner's does not: what a
// subcommand requests would go nowhere. A server that has just started gets a second.
func reachesStreams(ctx context.Context, nc *nats.Conn) error {
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	refused := error(nil)
	for {
		_, err := nc.RequestWithContext(limited, "$JS.API.STREAM.MSG.GET."+eventstore.Stream, nil)
		switch {
		case errors.Is(err, nats.ErrNoResponders):
			refused = &refusedError{"its account has no streams"}
		case limited.Err() != nil:
			return refused
		default:
			return nil // whatever else is wrong, the subcommand finds
		}
		select {
		case <-limited.Done():
			return refused
		case <-time.After(50 * time.Millisecond):
		}
	}
}
