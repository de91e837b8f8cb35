package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"clients/eventstore"

	"github.com/nats-io/jsm.go"
	"github.com/nats-io/nats.go"
)

// backupCommand copies the streams of the service into a folder.
type backupCommand struct {
	runningFlags
	Folder  string `arg:"" help:"Where the backup goes: a folder that is empty, or not there yet."`
	Sources bool   `help:"Also PROJECTS and INVOICES, which other teams own. What was learned of them is in the backup anyhow."`
}

// Help says what the short help leaves out.
func (c *backupCommand) Help() string {
	return "The service may run meanwhile: the backup is of the moment when its stream of events is copied. With users in NATS it takes an " +
		"administrator. Exit code 0: it is complete. 1: it is not. 2: a wrong setting."
}

// backedUp are the streams of a backup, in the order in which they are copied. Snapshots come before the events that they
// are of, and keys before the events that they remember, since a stream that ends before a snapshot has lost its end; the
// counter of ids comes after all that use one.
var backedUp = []string{"OBJ_" + eventstore.SnapshotsBucket, "KV_" + eventstore.KeysBucket, eventstore.QuarantineStream, eventstore.Stream, eventstore.IDStream}

// manifest says what is in a backup. It is written last: without it there is none.
type manifest struct {
	Format  int              `json:"format"` // 1
	MadeAt  time.Time        `json:"made_at"`
	Version string           `json:"version"` // of this program
	Streams []manifestStream `json:"streams"`
}

type manifestStream struct {
	Name     string            `json:"name"`
	First    uint64            `json:"first_sequence"`
	Last     uint64            `json:"last_sequence"`
	Messages uint64            `json:"messages"`
	Files    map[string]string `json:"files"` // their SHA-256, by name
}

const manifestFile = "manifest.json"

// Run backs up.
func (c *backupCommand) Run(ctx context.Context, s streams) error {
	if entries, err := os.ReadDir(c.Folder); err == nil && len(entries) > 0 {
		return fmt.Errorf("backup: %s is not empty", c.Folder)
	}
	nc, done, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer done()
	manager, err := jsm.New(nc)
	if err != nil {
		return err
	}
	made := manifest{Format: 1, MadeAt: time.Now().UTC(), Version: currentVersion().Version}
	for _, name := range c.streams() {
		stream, err := backupStream(ctx, manager, name, filepath.Join(c.Folder, name), s.err)
		if err != nil {
			return fmt.Errorf("backup: stream %s: %w", name, err)
		}
		made.Streams = append(made.Streams, stream)
		fmt.Fprintf(s.out, "%s: %d messages, up to sequence %d\n", name, stream.Messages, stream.Last)
	}
	return made.write(c.Folder)
}

func (c *backupCommand) streams() []string {
	if c.Sources {
		return append([]string{eventstore.Projects.Stream, eventstore.Invoices.Stream}, backedUp...)
	}
	return backedUp
}

// backupStream copies one stream into a folder of its own, as JetStream's own snapshot of it, which keeps sequences and
// times.
func backupStream(ctx context.Context, manager *jsm.Manager, name, folder string, terminal io.Writer) (copied manifestStream, err error) {
	stream, err := manager.LoadStream(name)
	if err != nil {
		return copied, err
	}
	state, err := stream.State()
	if err != nil {
		return copied, err
	}
	bar := newProgress(terminal, state.Bytes)
	_, err = stream.SnapshotToDirectory(ctx, folder, jsm.SnapshotHealthCheck(), jsm.SnapshotNotify(func(p jsm.SnapshotProgress) {
		bar.reach(min(p.UncompressedBytesReceived(), state.Bytes))
	}))
	bar.clear()
	if err != nil {
		return copied, err
	}
	meta, err := readStreamMeta(folder)
	if err != nil {
		return copied, err
	}
	copied = manifestStream{Name: name, First: meta.State.FirstSeq, Last: meta.State.LastSeq, Messages: meta.State.Msgs}
	copied.Files, err = checksums(folder)
	return copied, err
}

func (m manifest) write(folder string) error {
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, manifestFile), append(content, '\n'), 0o600)
}

// readManifest reads what is in a backup, and makes sure that it is all there and as it was written.
func readManifest(folder string) (m manifest, err error) {
	content, err := os.ReadFile(filepath.Join(folder, manifestFile))
	if err != nil {
		return m, fmt.Errorf("there is no complete backup: %w", err)
	}
	if err := json.Unmarshal(content, &m); err != nil || m.Format != 1 {
		return m, errors.New("its manifest is not one that this release can read")
	}
	for _, stream := range m.Streams {
		there, err := checksums(filepath.Join(folder, stream.Name))
		if err != nil {
			return m, err
		}
		for name, sum := range stream.Files {
			if there[name] != sum {
				return m, fmt.Errorf("%s of stream %s is not what was written", name, stream.Name)
			}
		}
	}
	return m, nil
}

// checksums are the SHA-256 of the files of a folder, by name.
func checksums(folder string) (map[string]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	sums := make(map[string]string)
	for _, entry := range entries {
		file, err := os.Open(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		hash := sha256.New()
		_, err = io.Copy(hash, file)
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		sums[entry.Name()] = hex.EncodeToString(hash.Sum(nil))
	}
	return sums, nil
}

// serviceRuns tells whether a replica answers.
func serviceRuns(ctx context.Context, nc *nats.Conn) (bool, error) {
	quarantine, err := eventstore.NewQuarantine(nc)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	return !errors.Is(quarantine.Retry(ctx, 0), eventstore.ErrNoService), nil // there is no message 0
}
