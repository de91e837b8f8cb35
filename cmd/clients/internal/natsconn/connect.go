package natsconn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"clients/eventstore/embedded"

	"github.com/nats-io/nats.go"
)

// attemptPause is how long Connect waits between two attempts.
const attemptPause = time.Second

// Connect returns a connection to one of the servers. It retries whatever the failure and logs each, until ctx ends: then
// the error is a *ConnectError. An attempt under way then goes on for up to a second per server. A file in the data
// directory that it may not read is returned at once.
func (s Settings) Connect(ctx context.Context, log *slog.Logger) (*nats.Conn, error) {
	return s.connect(ctx, log, func(error) bool { return false })
}

// connect is Connect, with further options. It returns an error for which final returns true at once.
func (s Settings) connect(ctx context.Context, log *slog.Logger, final func(error) bool, options ...nats.Option) (*nats.Conn, error) {
	failed := &ConnectError{Servers: Redact(s.URL), Last: nats.ErrTimeout}
	if s.DataDir != "" {
		failed.Servers = "the embedded server of " + s.DataDir
	}
	for ctx.Err() == nil {
		url, login, err := s.target()
		if err == nil {
			failed.Servers = Redact(url)
			var nc *nats.Conn
			if nc, err = nats.Connect(url, slices.Concat(Options(log), s.fileOptions(), login, options)...); err == nil {
				return nc, nil
			}
		}
		if s.DataDir != "" && errors.Is(err, fs.ErrPermission) {
			return nil, err
		}
		if ctx.Err() != nil {
			break
		}
		if failed.Last = err; final(err) {
			return nil, failed
		}
		log.Warn("waiting for NATS", "servers", failed.Servers, "error", reason(err))
		select {
		case <-time.After(attemptPause):
		case <-ctx.Done():
		}
	}
	failed.Ended = ctx.Err()
	return nil, failed
}

// CertificateExpiry returns when the certificate of one of the servers expires, as a new connection finds it; zero without
// TLS. It may take a second per server.
func (s Settings) CertificateExpiry() (expires time.Time, err error) {
	options := slices.Concat(Options(slog.New(slog.DiscardHandler)), s.fileOptions(), []nats.Option{nats.NoReconnect()})
	nc, err := nats.Connect(s.URL, options...)
	if err != nil {
		return expires, err
	}
	defer nc.Close()
	if state, err := nc.TLSConnectionState(); err == nil && len(state.PeerCertificates) > 0 {
		expires = state.PeerCertificates[0].NotAfter
	}
	return expires, nil
}

// target returns where to connect, and the login of an embedded server.
func (s Settings) target() (url string, login []nats.Option, err error) {
	if s.DataDir == "" {
		return s.URL, nil, nil
	}
	url, option, err := embedded.Admin(s.DataDir)
	return url, []nats.Option{option}, err
}

// ConnectError reports that there was no connection in time.
type ConnectError struct {
	Servers string // redacted
	Ended   error  // of the context
	Last    error  // of the last attempt
}

// Error returns the servers and why the last attempt failed.
func (e *ConnectError) Error() string {
	return fmt.Sprintf("cannot connect to NATS at %s: %s", e.Servers, reason(e.Last))
}

// Unwrap returns the error of the context and that of the last attempt.
func (e *ConnectError) Unwrap() []error { return []error{e.Ended, e.Last} }

// reason returns why an attempt failed. nats.go does not report a refused connection as such.
func reason(err error) string {
	switch {
	case errors.Is(err, nats.ErrNoServers):
		return "connection refused"
	case errors.Is(err, nats.ErrAuthorization):
		return "login rejected"
	}
	return err.Error()
}

// Readable returns err with another text where nats.go reports that there is no connection as a buffer that is full. It
// returns nil for nil.
func Readable(err error) error {
	if err == nil || !strings.Contains(err.Error(), nats.ErrReconnectBufExceeded.Error()) {
		return err
	}
	return &readableError{err}
}

type readableError struct{ error }

func (e *readableError) Error() string {
	return strings.ReplaceAll(e.error.Error(), nats.ErrReconnectBufExceeded.Error(), "NATS cannot be reached")
}

func (e *readableError) Unwrap() error { return e.error }
