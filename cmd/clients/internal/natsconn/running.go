package natsconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"clients/cmd/clients/internal/terminal"
	"clients/eventstore"
	"clients/eventstore/embedded"
	"clients/eventstore/history"
	"clients/eventstore/snapshotstore"

	"github.com/nats-io/nats.go"
)

// Limit is how long a subcommand waits for NATS to respond.
const Limit = 5 * time.Second

// Running connects to the NATS of a running service, and retries for a while. The user must be an administrator.
func (s Settings) Running(ctx context.Context) (*nats.Conn, error) {
	end := time.Now().Add(Limit)
	return s.administrator(ctx, slog.New(slog.DiscardHandler), func(err error) bool {
		return errors.Is(err, embedded.ErrNotRunning) || time.Now().After(end)
	})
}

// Await connects as soon as there is a server, and logs as long as there is none. The user must be an administrator.
func (s Settings) Await(ctx context.Context, log *slog.Logger) (*nats.Conn, error) {
	return s.administrator(ctx, log, func(error) bool { return false })
}

// administrator connects as an administrator. A server whose certificate is not trusted, and a file in the data directory that may
// not be read, are errors at once.
func (s Settings) administrator(ctx context.Context, log *slog.Logger, final func(error) bool) (*nats.Conn, error) {
	// The addresses that the servers report of each other are ignored: through a forwarded port they cannot be reached, or
	// the certificate is not valid for them, and that failure would hide the one of the server that was given.
	nc, err := s.retry(ctx, log, func(err error) bool { return isUntrusted(err) || errors.Is(err, fs.ErrPermission) || final(err) },
		reportViolation(ctx, log), nats.IgnoreDiscoveredServers())
	if err != nil {
		err = fmt.Errorf("cannot connect to NATS at %s: %w", s.servers(), err)
	}
	if isUntrusted(err) {
		err = terminal.WithHint(err, "CLIENTS_NATS_CA names the file with the authorities of the NATS servers")
	}
	return nc, err
}

// isUntrusted reports whether a server's certificate could not be verified.
func isUntrusted(err error) bool { return errors.As(err, new(*tls.CertificateVerificationError)) }

// Administer calls do with a connection to the NATS of a running service. If that is an embedded one that is stopped, it starts a
// server over its store, which does not listen, until do returns, and stopped is true.
func (s Settings) Administer(ctx context.Context, do func(nc *nats.Conn, stopped bool) error) error {
	nc, err := s.Running(ctx)
	stopped := errors.Is(err, embedded.ErrNotRunning) && embedded.HasStore(s.DataDir)
	if stopped {
		log := slog.New(slog.DiscardHandler)
		server, failed := embedded.Start(embedded.Config{Dir: s.DataDir, Log: log})
		if failed != nil {
			return failed
		}
		defer server.Shutdown()
		if server.Unrepaired != nil {
			return server.Unrepaired
		}
		nc, err = server.Connect(Options(log)...)
	}
	if err != nil {
		return err
	}
	defer nc.Close()
	return do(nc, stopped)
}

// OpenHistory opens what is stored.
func OpenHistory(ctx context.Context, nc *nats.Conn) (h *history.History, err error) {
	err = WithLimit(ctx, func(ctx context.Context) (err error) {
		h, err = history.Open(ctx, nc)
		return err
	})
	return h, err
}

// Snapshots returns the bucket of snapshots, to be read.
func Snapshots(nc *nats.Conn) *snapshotstore.Bucket {
	return snapshotstore.New(nc, snapshotstore.Config{Log: slog.New(slog.DiscardHandler)})
}

// WithLimit calls do with a context that ends after Limit. If do fails after that, the error says that NATS did not respond in time.
func WithLimit(ctx context.Context, do func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	err := do(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return terminal.WithHint(fmt.Errorf("stream %s: no response within %s", eventstore.Stream, Limit), "check that JetStream is enabled, that the stream has a leader, and that the login belongs to the account that has it")
	}
	return err
}
