package natsconn

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"clients/eventstore/embedded"

	"github.com/nats-io/nats.go"
)

// attemptPause is how long Connect and Await wait between two attempts.
const attemptPause = time.Second

// Connect returns a connection to one of the servers. It retries whatever the failure and logs each, until ctx ends. An attempt
// under way then goes on for up to a second per server.
func (s Settings) Connect(ctx context.Context, log *slog.Logger) (*nats.Conn, error) {
	nc, err := s.retry(ctx, log, func(error) bool { return false })
	if err != nil {
		return nil, ctx.Err()
	}
	return nc, nil
}

// retry connects to one of the servers, and logs as long as it cannot, until ctx ends or an error is final. It returns the error of
// the last attempt.
func (s Settings) retry(ctx context.Context, log *slog.Logger, final func(error) bool, options ...nats.Option) (*nats.Conn, error) {
	for {
		nc, err := s.attempt(log, options...)
		if err == nil || final(err) {
			return nc, err
		}
		log.Warn("waiting for NATS", "servers", s.servers(), "error", err)
		select {
		case <-time.After(attemptPause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// attempt tries each of the servers once.
func (s Settings) attempt(log *slog.Logger, options ...nats.Option) (*nats.Conn, error) {
	url, login := s.URL, nats.Option(nil)
	if s.DataDir != "" {
		var err error
		if url, login, err = embedded.Admin(s.DataDir); err != nil {
			return nil, err
		}
	}
	nc, err := nats.Connect(url, slices.Concat(Options(log), s.fileOptions(), options, []nats.Option{login})...)
	switch {
	case errors.Is(err, nats.ErrNoServers): // as nats.go reports this
		err = errors.New("connection refused")
	case errors.Is(err, nats.ErrAuthorization):
		err = errors.New("login rejected")
	}
	return nc, err
}

// servers returns where s connects to, without logins.
func (s Settings) servers() string {
	if s.DataDir != "" {
		return "the embedded server of " + s.DataDir
	}
	return Redact(s.URL)
}

// CertificateExpiry returns when the certificate of one of the servers expires, as a new connection finds it; zero without
// TLS. It may take a second per server.
func (s Settings) CertificateExpiry() (expires time.Time, err error) {
	nc, err := s.attempt(slog.New(slog.DiscardHandler), nats.NoReconnect())
	if err != nil {
		return expires, err
	}
	defer nc.Close()
	if state, err := nc.TLSConnectionState(); err == nil && len(state.PeerCertificates) > 0 {
		expires = state.PeerCertificates[0].NotAfter
	}
	return expires, nil
}
