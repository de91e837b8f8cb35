package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/server"
	"clients/cmd/clients/internal/terminal"
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
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "text" || c.LogFormat == "auto" && terminal.IsTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
