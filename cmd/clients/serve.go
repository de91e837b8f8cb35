package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/server"
	"clients/cmd/clients/internal/terminal"

	"github.com/nats-io/nats.go"
)

// serveCommand runs the service.
type serveCommand struct{ config.Serve }

// Run serves until ctx ends, or the process has to be restarted.
func (c *serveCommand) Run(ctx context.Context, s streams) error {
	config, err := c.Config()
	if err != nil {
		return err
	}
	running, err := server.Start(ctx, config, newLog(config, s.err))
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil // stopped before it had started
	}
	if err != nil {
		return err
	}
	running.Banner(s.out)
	return running.Wait(ctx)
}

func newLog(c config.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel, ReplaceAttr: readable}
	if c.LogFormat == "text" || c.LogFormat == "auto" && terminal.IsTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// readable gives durations a unit, also in JSON, and replaces the text that nats.go has for a missing connection.
func readable(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindDuration:
		return slog.String(a.Key, a.Value.Duration().String())
	case slog.KindAny:
		if err, isError := a.Value.Any().(error); isError && errors.Is(err, nats.ErrReconnectBufExceeded) {
			return slog.String(a.Key, strings.ReplaceAll(err.Error(), nats.ErrReconnectBufExceeded.Error(), "NATS cannot be reached"))
		}
	}
	return a
}
