package config

import (
	"context"
	"strings"

	"clients/cmd/clients/internal/natsconn"

	"github.com/nats-io/nats.go"
)

// NATS checks the settings of an external NATS.
func (f *Faults) NATS(s natsconn.Settings) natsconn.Settings {
	if s.URL == "" {
		for _, file := range []struct{ variable, path string }{
			{"CLIENTS_NATS_CREDS", s.Creds}, {"CLIENTS_NATS_CA", s.CA}, {"CLIENTS_NATS_CERT", s.Cert}, {"CLIENTS_NATS_KEY", s.Key},
		} {
			if file.path != "" {
				f.Add(file.variable, "requires CLIENTS_NATS_URL")
			}
		}
		return s
	}
	f.natsServers("CLIENTS_NATS_URL", s.URL)
	if s.Creds != "" {
		f.natsOption("CLIENTS_NATS_CREDS", nats.UserCredentials(s.Creds))
	}
	if s.CA != "" {
		f.natsOption("CLIENTS_NATS_CA", nats.RootCAs(s.CA))
	}
	if f.pair("CLIENTS_NATS_CERT", s.Cert, "CLIENTS_NATS_KEY", s.Key) {
		f.natsOption("CLIENTS_NATS_CERT", nats.ClientCert(s.Cert, s.Key))
	}
	return s
}

// natsServers checks a list of NATS servers. It quotes nothing of an invalid one, which may be a part of a password.
func (f *Faults) natsServers(variable, value string) {
	all := strings.Split(value, ",")
	sockets := 0
	for i, server := range all {
		u, ok := natsconn.ParseServer(server)
		if !ok || i > 0 && u.User != nil && !strings.Contains(server, "://") { // the latter is the rest of a password with a comma
			f.Add(variable, "server %d of %d must be host:port or a nats, tls, ws or wss URL, with / ? # @ and , in a password percent-encoded "+
				"(not shown, it may contain one)", i+1, len(all))
		} else if strings.HasPrefix(u.Scheme, "ws") {
			sockets++
		}
	}
	if sockets > 0 && sockets < len(all) {
		f.Add(variable, "must not mix ws:// and wss:// with other schemes")
	}
}

// RunningFlags are the settings of a subcommand that connects to the NATS of a running service.
type RunningFlags struct {
	natsconn.Settings `set:"without_nats_url=the embedded server of --data-dir"`
	DataDir           string `name:"data-dir" env:"CLIENTS_DATA_DIR" default:"./clients-data" help:"Data directory of the running service, with the address and the administrator's password of its embedded server. Used without --nats-url."`
}

// ProvideSettings returns how to connect, for the Run method of a command. The error is Faults.
func (c *RunningFlags) ProvideSettings() (natsconn.Settings, error) {
	var f Faults
	settings := f.NATS(c.Settings)
	if settings.URL == "" {
		settings.DataDir = c.DataDir
	}
	return settings, f.Err()
}

// ProvideConnection connects to the NATS of a running service, for the Run method of a command.
func (c *RunningFlags) ProvideConnection(ctx context.Context) (*nats.Conn, error) {
	settings, err := c.ProvideSettings()
	if err != nil {
		return nil, err
	}
	return settings.Running(ctx)
}
