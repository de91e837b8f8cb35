package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"clients/eventstore/embedded"
)

// restoreCommand makes the streams of a backup again.
type restoreCommand struct {
	natsFlags      `set:"without_nats_url=the embedded server of CLIENTS_DATA_DIR"`
	Folder         string `arg:"" help:"The backup."`
	DataDir        string `name:"data-dir" default:"" help:"Restore into the data directory of an embedded server that is not running and holds nothing, instead."`
	StreamReplicas string `name:"stream-replicas" env:"CLIENTS_STREAM_REPLICAS" default:"" help:"Replicas of each stream: 1, 3 or 5. 3 by default, and 1 without --nats-url."`
}

// Help says what the short help leaves out.
func (c *restoreCommand) Help() string {
	return "The service must not run, and none of the streams be there: delete them first if that is what you want. With users in NATS it " +
		"takes an administrator. What fails or is interrupted can be run again; a service does not start on half of it. clients verify " +
		"then looks through what was restored. Exit code 0: everything is there. 1: it is not. 2: a wrong setting."
}

// Run restores.
func (c *restoreCommand) Run(ctx context.Context, s streams) error {
	var faults settingFaults
	replicas := faults.replicas("CLIENTS_STREAM_REPLICAS", c.StreamReplicas, c.NATSURL != "")
	if c.DataDir != "" && c.NATSURL != "" {
		faults = append(faults, "--data-dir does not go with CLIENTS_NATS_URL")
	}
	if faults != nil {
		return faults
	}
	made, err := readManifest(c.Folder)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	r := &restoration{made: made, folder: c.Folder, replicas: replicas, streams: s}
	if c.DataDir != "" {
		err = r.intoDirectory(ctx, c.DataDir)
	} else {
		err = c.intoServers(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("restore: %w", inWords(err))
	}
	return nil
}

// intoServers restores what a service finds by its NATS servers. Where it fails, what it has made is deleted again.
func (c *restoreCommand) intoServers(ctx context.Context, r *restoration) error {
	nc, done, err := c.connectRunning(ctx, dataDirSetting())
	if err != nil {
		return err
	}
	defer done()
	running, err := serviceRuns(ctx, nc)
	if err != nil {
		return err
	}
	if running {
		return errors.New("the service is running: stop all its replicas first")
	}
	if err := r.use(nc); err != nil {
		return err
	}
	if err := r.free(); err != nil {
		return err
	}
	if err := r.run(ctx); err != nil {
		return errors.Join(refusal(ctx, err), r.undo())
	}
	return nil
}

// intoDirectory restores the store of an embedded server. It is put in its place when all of it is on disk.
func (r *restoration) intoDirectory(ctx context.Context, dir string) error {
	log := slog.New(slog.DiscardHandler)
	draft, err := embedded.BeginDraft(dir, log)
	if err != nil {
		return err
	}
	defer func() { _ = draft.Discard() }()
	nc, err := draft.Connect(connectionOptions(log)...)
	if err != nil {
		return fmt.Errorf("connect to the embedded server: %w", err)
	}
	defer nc.Close()
	if err := r.use(nc); err != nil {
		return err
	}
	if err := r.run(ctx); err != nil {
		return err
	}
	nc.Close()
	return draft.Finish()
}
