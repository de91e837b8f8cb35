package main

import (
	"context"
	"errors"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/server"
)

// serveCommand runs the service.
type serveCommand struct{ config.Serve }

// Run serves until ctx ends, or the process has to be restarted.
func (c *serveCommand) Run(ctx context.Context, s streams) error {
	config, err := c.Config()
	if err != nil {
		return err
	}
	running, err := server.Start(ctx, config, newLog(config.LogFormat, config.LogLevel, s.err))
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil // stopped before it had started
	}
	if err != nil {
		return err
	}
	if config.LogFormat != logJSON { // then all that the service writes is JSON
		running.Banner(s.out)
	}
	return running.Wait(ctx)
}
