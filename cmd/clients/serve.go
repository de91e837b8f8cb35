package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/eventstore/embedded"
)

// serveCommand runs the service.
type serveCommand struct{ config.Serve }

// Run serves until ctx ends, or the store has to be opened anew.
func (c *serveCommand) Run(ctx context.Context, s streams) error {
	settings, err := c.Config()
	if err != nil {
		return err
	}
	log := newLog(settings, s.err)
	service, err := start(ctx, settings, log)
	if err != nil && errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil // told to stop before it had started
	}
	if err != nil {
		return err
	}
	service.greet(s.out)
	select {
	case <-ctx.Done():
		return service.stop()
	case err := <-service.broken:
		return service.abort(err)
	}
}

func newLog(s config.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.LogLevel}
	if s.LogFormat == "text" || s.LogFormat == "auto" && terminal.IsTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// greet says what listens where, and how to try it.
func (s *service) greet(w io.Writer) {
	scheme, login := "http", ""
	if s.settings.Certificate != nil {
		scheme = "https"
	}
	if s.settings.Credentials != nil {
		login = "-u USER " // curl asks for the password
	}
	fmt.Fprintf(w, `clients is ready.
  API         %s://%s/clients
  operations  http://%s/readyz and /livez, /metrics, /version
  NATS        %s, stream CLIENTS, %s
`, scheme, s.apiAddr(), s.opsAddr(), natsconn.Redact(s.natsURL()), s.partnersMay())
	if s.embedded != nil {
		fmt.Fprintf(w, "  data        %s\n", s.settings.DataDir)
	}
	fmt.Fprintf(w, `Try it:
  curl %[1]s-i -H 'Content-Type: application/xml' -d '<client><name>SuprCorp</name></client>' %[2]s://%[3]s/clients
  curl %[1]s%[2]s://%[3]s/clients
`, login, scheme, s.apiAddr())
}

// partnersMay says what others can do at NATS.
func (s *service) partnersMay() string {
	switch {
	case s.embedded != nil && s.settings.PartnerAccess() == embedded.NoPartners:
		return "for the administrator alone"
	case s.embedded != nil && s.settings.PartnerAccess() == embedded.PartnersLogIn:
		return "log in as partner, subscribe to clients.>"
	}
	return "subscribe to clients.>"
}
