package natsconn

import (
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// Settings say how to connect to NATS. They are flags of the commands that embed them, which set what the help says about an
// empty URL.
type Settings struct {
	URL     string `name:"nats-url" env:"CLIENTS_NATS_URL" default:"" help:"NATS servers, comma-separated: nats://, tls://, ws:// or wss://[user:password@]host[:port], or host:port. Reserved characters in a password are percent-encoded. Empty: ${without_nats_url}."`
	Creds   string `name:"nats-creds" env:"CLIENTS_NATS_CREDS" default:"" help:"File with the credentials (JWT and seed) for the NATS servers. It and the next three are read again at each connection."`
	CA      string `name:"nats-ca" env:"CLIENTS_NATS_CA" default:"" help:"File with the certificate authorities of the NATS servers, instead of the system's. Requires TLS."`
	Cert    string `name:"nats-cert" env:"CLIENTS_NATS_CERT" default:"" help:"File with the client certificate for the NATS servers. Requires TLS."`
	Key     string `name:"nats-key" env:"CLIENTS_NATS_KEY" default:"" help:"File with the key of that certificate."`
	DataDir string `kong:"-"` // of a service with an embedded server, for subcommands; used without URL
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

// Options returns the options that all connections have. The timeouts are short because nats.go blocks all requests, even past
// their deadlines, while it waits for a server that has accepted a connection and then sends nothing.
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
