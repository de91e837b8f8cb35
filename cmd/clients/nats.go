package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"clients/eventstore/embedded"

	"github.com/nats-io/nats.go"
)

// natsFlags are the settings that tell how to reach an external NATS, as they are given. Every command that connects to
// one embeds them, and says for the help what it does without.
type natsFlags struct {
	NATSURL   string `name:"nats-url" env:"CLIENTS_NATS_URL" default:"" help:"NATS servers, comma-separated: nats://, tls://, ws:// or wss://[user:password@]host[:port], or host:port. Reserved characters in a password are percent-encoded. Empty: ${without_nats_url}."`
	NATSCreds string `name:"nats-creds" env:"CLIENTS_NATS_CREDS" default:"" help:"File with the credentials (JWT and seed) for the NATS servers. It is read again at each connection, as the next three are."`
	NATSCA    string `name:"nats-ca" env:"CLIENTS_NATS_CA" default:"" help:"File with the certificate authorities of the NATS servers, instead of the system's. TLS is then a must."`
	NATSCert  string `name:"nats-cert" env:"CLIENTS_NATS_CERT" default:"" help:"File with the certificate to show to the NATS servers. TLS is then a must."`
	NATSKey   string `name:"nats-key" env:"CLIENTS_NATS_KEY" default:"" help:"File with the key of that certificate."`
}

// natsSettings tell how to reach an external NATS. There is none when url is empty.
type natsSettings struct {
	url                  string // as given, with its passwords: only what redactNATS leaves of it may be shown
	creds, ca, cert, key string // files, or empty

	dataDir string      // of a running service whose embedded server is to be reached, where there is no url
	login   nats.Option // to that server
}

// natsSettings reads the flags, and notes what is wrong with them.
func (c *natsFlags) natsSettings(f *settingFaults) natsSettings {
	n := natsSettings{url: c.NATSURL, creds: c.NATSCreds, ca: c.NATSCA, cert: c.NATSCert, key: c.NATSKey}
	if n.url == "" {
		for _, file := range []struct{ variable, path string }{
			{"CLIENTS_NATS_CREDS", n.creds}, {"CLIENTS_NATS_CA", n.ca}, {"CLIENTS_NATS_CERT", n.cert}, {"CLIENTS_NATS_KEY", n.key},
		} {
			if file.path != "" {
				f.add(file.variable, "goes with CLIENTS_NATS_URL, which is not set")
			}
		}
		return n
	}
	f.natsServers("CLIENTS_NATS_URL", n.url)
	if n.creds != "" {
		f.natsOption("CLIENTS_NATS_CREDS", nats.UserCredentials(n.creds))
	}
	if n.ca != "" {
		f.natsOption("CLIENTS_NATS_CA", nats.RootCAs(n.ca))
	}
	certRead := n.cert != "" && f.readable("CLIENTS_NATS_CERT", n.cert)
	keyRead := n.key != "" && f.readable("CLIENTS_NATS_KEY", n.key)
	switch {
	case certRead && keyRead:
		f.natsOption("CLIENTS_NATS_CERT", nats.ClientCert(n.cert, n.key))
	case certRead && n.key == "":
		f.add("CLIENTS_NATS_CERT", "goes with CLIENTS_NATS_KEY, which is not set")
	case keyRead && n.cert == "":
		f.add("CLIENTS_NATS_KEY", "goes with CLIENTS_NATS_CERT, which is not set")
	}
	return n
}

// options are what the files ask of a connection.
func (n natsSettings) options() []nats.Option {
	var options []nats.Option
	if n.creds != "" {
		options = append(options, nats.UserCredentials(n.creds))
	}
	if n.ca != "" {
		options = append(options, nats.RootCAs(n.ca))
	}
	if n.cert != "" {
		options = append(options, nats.ClientCert(n.cert, n.key))
	}
	if n.login != nil {
		options = append(options, n.login)
	}
	return options
}

// How long connect pauses between two attempts: twice as long each time, up to a limit.
const (
	firstPause   = 250 * time.Millisecond
	longestPause = 2 * time.Second
)

// connect returns when a connection to one of the servers stands. Until then it goes on trying, whatever the failure,
// and warns of each; only files of the data directory that it may not read end it at once. When ctx ends first it answers
// that, with the last failure.
func (n natsSettings) connect(ctx context.Context, log *slog.Logger, options ...nats.Option) (*nats.Conn, error) {
	servers := redactNATS(n.url)
	if n.dataDir != "" {
		servers = "the embedded server of " + n.dataDir
	}
	last := errNoAnswer
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, longestPause) {
		target, err := n.target()
		var nc *nats.Conn
		if err == nil {
			servers = redactNATS(target.url)
			nc, err = target.attempt(ctx, log, options)
		}
		if err == nil {
			return nc, nil
		}
		if n.dataDir != "" && errors.Is(err, fs.ErrPermission) {
			return nil, err
		}
		if ctx.Err() != nil {
			break
		}
		last = err
		log.Warn("NATS cannot be reached yet", "servers", servers, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	return nil, &unconnectedError{servers, ctx.Err(), last}
}

// target returns where to connect and how to log in there: for an embedded server its data directory says so, anew at each
// attempt, since another start may choose another port.
func (n natsSettings) target() (natsSettings, error) {
	if n.dataDir == "" {
		return n, nil
	}
	var err error
	n.url, n.login, err = embedded.Admin(n.dataDir)
	return n, err
}

// unconnectedError tells that no connection came about in time.
type unconnectedError struct {
	servers     string
	ended, last error
}

var errNoAnswer = errors.New("no answer")

func (e *unconnectedError) Error() string {
	return fmt.Sprintf("connect to NATS at %s: %v; the last failure: %v", e.servers, e.ended, e.last)
}

func (e *unconnectedError) Unwrap() []error { return []error{e.ended, e.last} }

// attempt tries each server once. It does not outlast ctx, which nats.Connect knows nothing of.
func (n natsSettings) attempt(ctx context.Context, log *slog.Logger, options []nats.Option) (*nats.Conn, error) {
	type outcome struct {
		nc  *nats.Conn
		err error
	}
	outcomes := make(chan outcome)
	go func() {
		nc, err := nats.Connect(n.url, slices.Concat(connectionOptions(log), n.options(), options)...)
		select {
		case outcomes <- outcome{nc, err}:
		case <-ctx.Done():
			if err == nil {
				nc.Close()
			}
		}
	}()
	select {
	case o := <-outcomes:
		return o.nc, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inboxPrefix begins the subjects that answers to the service are sent to. It is not everybody's, so that nobody else
// need be allowed to listen to them.
const inboxPrefix = "_INBOX_clients"

// connectionOptions never give up a connection, not even when a server refuses the login for a while, and never keep a
// message back for later: an event is sent now or not. A server that has fallen silent is left after 3 s at most: until
// then nothing that goes through it is answered, while the other servers may long be at work again. As long as another
// one is greeted, whoever uses the connection waits, even past his own deadline: so that is kept short.
func connectionOptions(log *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name("clients"),
		nats.CustomInboxPrefix(inboxPrefix),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 250*time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.Timeout(time.Second),
		nats.PingInterval(time.Second),
		nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("nats", "error", err) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("nats: disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("nats: reconnected", "addr", nc.ConnectedAddr()) }),
	}
}

// natsURL is where the NATS servers are that the service uses. It may hold a password: see redactNATS.
func (s *service) natsURL() string {
	if s.embedded != nil {
		return s.embedded.URL()
	}
	return s.settings.nats.url
}
