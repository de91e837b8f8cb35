package server

import (
	"fmt"
	"io"

	"clients/cmd/clients/internal/natsconn"
	"clients/eventstore/embedded"
)

// Banner prints the addresses of the server, and commands to try it.
func (s *Server) Banner(w io.Writer) {
	scheme, login := "http", ""
	if s.config.Certificate != nil {
		scheme = "https"
	}
	if s.config.Credentials != nil {
		login = "-u USER " // curl asks for the password
	}
	fmt.Fprintf(w, `clients is ready.
  API         %s://%s/clients
  operations  http://%s/readyz and /livez, /metrics, /version
  NATS        %s, stream CLIENTS, %s
`, scheme, s.api.Addr(), s.ops.Addr(), natsconn.Redact(s.natsURL()), s.partnerAccess())
	if s.embedded != nil {
		fmt.Fprintf(w, "  data        %s\n", s.config.DataDir)
	}
	fmt.Fprintf(w, `Try it:
  curl %[1]s-i -H 'Content-Type: application/xml' -d '<client><name>SuprCorp</name></client>' %[2]s://%[3]s/clients
  curl %[1]s%[2]s://%[3]s/clients
`, login, scheme, s.api.Addr())
}

// partnerAccess says what other services can do at NATS.
func (s *Server) partnerAccess() string {
	switch {
	case s.embedded != nil && s.config.Partners == embedded.NoPartners:
		return "for the administrator alone"
	case s.embedded != nil && s.config.Partners == embedded.PartnersLogIn:
		return "log in as partner, subscribe to clients.>"
	}
	return "subscribe to clients.>"
}

// natsURL returns the NATS servers in use. It may contain a password.
func (s *Server) natsURL() string {
	if s.embedded != nil {
		return s.embedded.URL()
	}
	return s.config.NATS.URL
}
