package server

import (
	"fmt"
	"io"

	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/version"
)

// addresses are where a server can be reached, and its data directory.
type addresses struct{ api, operations, nats, data string } // data is empty with external NATS

func (s *Server) addresses() addresses {
	a := addresses{"http://" + s.api.Addr().String(), "http://" + s.ops.Addr().String(), natsconn.Redact(s.config.NATS.URL), ""}
	if s.config.Certificate != nil {
		a.api = "https://" + s.api.Addr().String()
	}
	if s.embedded != nil {
		a.nats, a.data = s.embedded.URL(), s.config.Embedded.Dir
	}
	return a
}

// logReady logs what is running and where it can be reached.
func (s *Server) logReady() {
	v, a := version.Current(), s.addresses()
	s.log.Info("ready", "version", v.Version, "commit", v.Commit, "api", a.api, "operations", a.operations, "nats", a.nats, "data", a.data)
}

// Banner prints the addresses of the server, and commands to try it.
func (s *Server) Banner(w io.Writer) {
	login, a := "", s.addresses()
	if s.config.Credentials != nil {
		login = "-u USER " // curl asks for the password
	}
	fmt.Fprintf(w, `clients is ready.
  API         %[1]s/clients
  console     %[1]s/console/
  operations  %[2]s/readyz and /livez, /metrics, /version
  NATS        %[3]s, stream CLIENTS
`, a.api, a.operations, a.nats)
	if a.data != "" {
		fmt.Fprintf(w, "  data        %s\n", a.data)
	}
	fmt.Fprintf(w, `Try it:
  curl %[1]s-i -H 'Content-Type: application/xml' -d '<client><name>SuprCorp</name></client>' %[2]s/clients
  curl %[1]s%[2]s/clients
`, login, a.api)
}
