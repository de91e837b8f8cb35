package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, s streams) error {
	settings, err := c.settings()
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
	<-ctx.Done()
	return service.stop()
}

func newLog(s settings, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.logLevel}
	file, isFile := w.(*os.File)
	if s.logFormat == "text" || s.logFormat == "auto" && isFile && term.IsTerminal(int(file.Fd())) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// greet says what listens where, and how to try it.
func (s *service) greet(w io.Writer) {
	api := "http://" + s.apiAddr()
	if s.settings.tlsCert != "" {
		api = "https://" + s.apiAddr()
	}
	fmt.Fprintf(w, `clients is ready.
  API         %s/clients
  operations  http://%s/readyz and /livez, /metrics, /version
  NATS        %s, stream CLIENTS, subscribe to clients.>
`, api, s.opsAddr(), redactNATS(s.natsURL()))
	if s.embedded != nil {
		fmt.Fprintf(w, "  data        %s\n", s.settings.dataDir)
	}
	curl := "curl"
	if s.settings.users != nil {
		curl = "curl -u USER"
	}
	fmt.Fprintf(w, `Try it:
  %[1]s -i -H 'Content-Type: application/xml' -d '<client><name>SuprCorp</name></client>' %[2]s/clients
  %[1]s %[2]s/clients
`, curl, api)
}
