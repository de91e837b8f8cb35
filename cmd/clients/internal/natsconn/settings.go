package natsconn

import (
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// Settings say how to connect to NATS.
type Settings struct {
	URL                  string // external servers, with their passwords; empty: see DataDir
	Creds, CA, Cert, Key string // paths, or empty
	DataDir              string // of a service with an embedded server, for subcommands
}

// fileOptions returns the options that the files are for.
func (s Settings) fileOptions() []nats.Option {
	var options []nats.Option
	if s.Creds != "" {
		options = append(options, nats.UserCredentials(s.Creds))
	}
	if s.CA != "" {
		options = append(options, nats.RootCAs(s.CA))
	}
	if s.Cert != "" {
		options = append(options, nats.ClientCert(s.Cert, s.Key))
	}
	return options
}

// inboxPrefix is where responses to the service arrive. No other user needs permission to subscribe there.
const inboxPrefix = "_INBOX_clients"

// Options returns the options that all connections have. While the client waits for a server that accepts its
// connection and is then silent, all requests wait, even past their deadlines: hence the short timeouts.
func Options(log *slog.Logger) []nats.Option {
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
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("NATS error", "error", err) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("NATS disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("NATS reconnected", "addr", nc.ConnectedAddr()) }),
	}
}
