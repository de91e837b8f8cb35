package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"clients/eventstore"

	"github.com/nats-io/jsm.go"
	"github.com/nats-io/jsm.go/api"
	"github.com/nats-io/nats.go"
)

// restoreCommand makes the streams of a backup again.
type restoreCommand struct {
	runningFlags
	Folder         string `arg:"" help:"The backup."`
	DataDir        string `name:"data-dir" default:"" help:"Restore into the data directory of an embedded server that is not running, instead."`
	StreamReplicas string `name:"stream-replicas" env:"CLIENTS_STREAM_REPLICAS" default:"" help:"Replicas of each stream: 1, 3 or 5. 3 by default, and 1 without --nats-url."`
}

// Help says what the short help leaves out.
func (c *restoreCommand) Help() string {
	return "The service must not run, and none of the streams be there: delete them first if that is what you want. With users in NATS it " +
		"takes an administrator. clients verify then looks through what was restored. Exit code 0: everything is there. 1: it is not. 2: a wrong setting."
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
	nc, done, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer done()
	manager, err := jsm.New(nc)
	if err != nil {
		return err
	}
	if err := c.free(ctx, nc, manager, made); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, stream := range made.Streams {
		if err := restoreStream(ctx, manager, stream, filepath.Join(c.Folder, stream.Name), replicas, s.err); err != nil {
			return fmt.Errorf("restore: stream %s: %w", stream.Name, err)
		}
		fmt.Fprintf(s.out, "%s: up to sequence %d\n", stream.Name, stream.Last)
	}
	return nil
}

// open reaches the NATS servers, or starts one over a data directory.
func (c *restoreCommand) open(ctx context.Context) (*nats.Conn, func(), error) {
	if c.DataDir == "" {
		return c.connect(ctx)
	}
	return connectToStore(eventstore.EmbeddedConfig{Dir: c.DataDir, Addr: "127.0.0.1:0"})
}

// free makes sure that nothing is in the way.
func (c *restoreCommand) free(ctx context.Context, nc *nats.Conn, manager *jsm.Manager, made manifest) error {
	running, err := serviceRuns(ctx, nc)
	if err != nil {
		return err
	}
	if running {
		return errors.New("the service is running: stop all its replicas first")
	}
	var there []error
	for _, stream := range made.Streams {
		known, err := manager.IsKnownStream(stream.Name)
		if err != nil {
			return err
		}
		if known {
			there = append(there, fmt.Errorf("there is a stream %s already", stream.Name))
		}
	}
	return errors.Join(there...)
}

// streamMeta is what JetStream writes beside the messages of a backup.
type streamMeta struct {
	Config api.StreamConfig `json:"config"`
	State  api.StreamState  `json:"state"`
}

func readStreamMeta(folder string) (meta streamMeta, err error) {
	content, err := os.ReadFile(filepath.Join(folder, jsm.SnapshotMetaFile))
	if err == nil {
		err = json.Unmarshal(content, &meta)
	}
	return meta, err
}

// restoreStream makes one stream again, and looks that it ends where it did.
func restoreStream(ctx context.Context, manager *jsm.Manager, stream manifestStream, folder string, replicas int, terminal io.Writer) error {
	meta, err := readStreamMeta(folder)
	if err != nil {
		return err
	}
	meta.Config.Replicas = replicas
	var bar *progress
	_, state, err := manager.RestoreSnapshotFromDirectory(ctx, stream.Name, folder, jsm.RestoreConfiguration(meta.Config),
		jsm.RestoreNotify(func(p jsm.RestoreProgress) {
			if bar == nil {
				bar = newProgress(terminal, uint64(p.ChunksToSend()))
			}
			bar.reach(uint64(p.ChunksSent()))
		}))
	if bar != nil {
		bar.clear()
	}
	if err != nil {
		return err
	}
	if state.LastSeq != stream.Last {
		return fmt.Errorf("it ends at sequence %d, and not at %d", state.LastSeq, stream.Last)
	}
	return nil
}
