package server

import (
	"context"
	"fmt"

	"clients/cmd/clients/internal/natsconn"
	"clients/eventstore/partners"

	"github.com/nats-io/nats.go"
)

// servePartners answers what other services request of NATS, on a connection of its own: a flood of requests must not
// hold up commands.
func (s *Server) servePartners(ctx context.Context) (err error) {
	log := s.log.With("connection", "partners")
	var nc *nats.Conn
	if s.embedded != nil {
		nc, err = s.embedded.Connect(natsconn.Options(log)...)
	} else {
		nc, err = s.config.NATS.Connect(ctx, log)
	}
	if err != nil {
		return fmt.Errorf("connect to NATS for other services: %w", err)
	}
	s.onStop(nc.Close)
	stop, err := partners.Serve(nc, s.embedded == nil)
	if err != nil {
		return err
	}
	s.onStop(stop)
	return nil
}
