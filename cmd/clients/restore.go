package main

import (
	"context"
	"errors"
	"fmt"

	"clients/cmd/clients/internal/backup"
	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"
	"clients/cmd/clients/internal/terminal"
	"clients/cmd/clients/internal/verify"
	"clients/eventstore/erasure"
)

// restoreCommand restores the streams of a backup.
type restoreCommand struct {
	natsconn.Settings `set:"without_nats_url=--data-dir is required"`
	Folder            string `arg:"" help:"Folder of the backup."`
	DataDir           string `name:"data-dir" xor:"place" help:"Restore into this data directory of an embedded server, which must not run or hold a store. Without it: to the servers of --nats-url."`
	Replace           bool   `xor:"place" help:"First delete the streams of the backup that exist on the servers, and verify what was restored. All replicas of the service must be stopped."`
	Erasures          string `name:"erasures" placeholder:"FILE" help:"Erase the clients of this list, which erase --log has written, before the store is used."`
	StreamReplicas    string `name:"stream-replicas" env:"CLIENTS_STREAM_REPLICAS" default:"" help:"Replicas of each stream: 1, 3 or 5. Default: 3, and 1 without --nats-url."`
}

// Help returns the long help.
func (c *restoreCommand) Help() string {
	return "Restores into --data-dir, or to the servers of --nats-url. The service must not run, and none of the streams may exist, except with --replace. NATS must accept the login " +
		"as an administrator. A restore that fails or is interrupted can be run again. Until one has succeeded, no service starts on what it has restored, or on servers where --replace has begun. Run clients verify afterwards. " +
		"On several servers --erasures takes about four minutes more, and all of them must be running. " +
		"Exit code 0: everything is restored. 1: it is not. 2: invalid settings."
}

// Run restores.
func (c *restoreCommand) Run(ctx context.Context, s streams) error {
	var faults config.Faults
	target := backup.Target{
		Replicas: faults.Replicas(c.StreamReplicas, c.URL != ""), Replace: c.Replace, LogWait: erasure.LogWait, Out: s.out, Err: s.err,
	}
	settings := faults.NATS(c.Settings)
	if c.DataDir != "" && c.URL != "" {
		faults.Add("--data-dir", "must not be used with CLIENTS_NATS_URL")
	}
	if err := faults.Err(); err != nil {
		return err
	}
	if c.DataDir == "" && c.URL == "" {
		faults.Add("--data-dir or --nats-url", "required: where to restore to")
		return terminal.WithHint(faults.Err(), "clients restore %[1]s --data-dir ./clients-data, or clients restore %[1]s --nats-url nats://HOST:4222", c.Folder)
	}
	made, err := backup.Open(c.Folder)
	if err == nil && c.Erasures != "" {
		target.Erasures, err = erasure.ReadList(c.Erasures)
		if err == nil && len(target.Erasures) == 0 {
			err = fmt.Errorf("%s: no client in it", c.Erasures)
		}
	}
	if err == nil && c.DataDir != "" {
		err = made.ToDirectory(ctx, c.DataDir, target)
	} else if err == nil {
		err = toServers(ctx, settings, made, target)
	}
	var away *erasure.AwayError
	if errors.As(err, &away) {
		err = terminal.WithHint(err, "what was restored is deleted: run it again when all servers are current")
	}
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

func toServers(ctx context.Context, settings natsconn.Settings, made *backup.Backup, target backup.Target) error {
	nc, err := settings.Running(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := made.ToServers(ctx, nc, target); err != nil || !target.Replace {
		return err
	}
	return verify.Run(ctx, nc, &verify.Report{Out: target.Out, Bars: target.Err})
}
