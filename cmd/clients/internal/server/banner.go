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
	url, access := s.config.NATS.URL, subscribe
	if s.embedded != nil {
		url, access = s.embedded.URL(), partnerAccess[s.config.Partners]
	}
	fmt.Fprintf(w, `clients is ready.
  API         %s://%s/clients
  operations  http://%s/readyz and /livez, /metrics, /version
  NATS        %s, stream CLIENTS, %s
`, scheme, s.api.Addr(), s.ops.Addr(), natsconn.Redact(url), access)
	if s.embedded != nil {
		fmt.Fprintf(w, "  data        %s\n", s.config.DataDir)
	}
	fmt.Fprintf(w, `Try it:
  curl %[1]s-i -H 'Content-Type: application/xml' -d '<client><name>SuprCorp</name></client>' %[2]s://%[3]s/clients
  curl %[1]s%[2]s://%[3]s/clients
`, login, scheme, s.api.Addr())
}

// partnerAccess is what other services can do at an embedded server.
var partnerAccess = map[embedded.PartnerAccess]string{
	embedded.NoPartners:       "for the administrator alone",
	embedded.PartnersLogIn:    "log in as partner, subscribe to clients.>",
	embedded.PartnersNeedNone: subscribe,
}

const subscribe = "subscribe to clients.>"
