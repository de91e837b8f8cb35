package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"clients/cmd/clients/internal/terminal"
	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/idempotency"
	"clients/eventstore/upstream"

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
	return "The service may run meanwhile: the backup is of the moment when the copy of its stream of events begins. With users in NATS it " +
		"takes an administrator. Exit code 0: it is complete. 1: it is not: remove the folder. 2: a wrong setting."
}

// The streams of a backup that are no buckets of ours by name.
const (
	snapshotsStream = "OBJ_" + eventstore.SnapshotsBucket
	keysStream      = idempotency.Stream
)

// backedUp are the streams that every backup has, in the order in which they are copied. Snapshots come before the events
// that they are of, since a stream that ends before a snapshot has lost its end. Keys come before the events as well, so
// that whatever such a key remembers is among the events; those that come later are told by lateKeysFile. What other
// services have said comes after the events that follow from it; the counter of ids after all that use one.
var backedUp = []string{snapshotsStream, keysStream, eventstore.Stream, eventstore.QuarantineStream, eventstore.IDStream}

var backedUpSources = []string{upstream.Projects.Name, upstream.Invoices.Name}

// lateKeysFile lies with the copy of the keys. It holds, one JSON object a line, what was stored under keys from the moment
// of that copy to one after that of the events: also because a copy of a bucket lacks values that were replaced while
// it was made.
const lateKeysFile = "late-keys.jsonl"

// Run backs up.
func (c *backupCommand) Run(ctx context.Context, s streams) error {
	if err := c.begin(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	nc, done, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer done()
	manager, err := newManager(nc)
	if err != nil {
		return err
	}
	made := manifest{Format: 1, MadeAt: time.Now().UTC(), Version: currentVersion().Version}
	var keysEnd uint64
	for _, name := range c.streams() {
		stream, err := backupStream(ctx, manager, name, filepath.Join(c.Folder, name), s.err)
		if err != nil {
			return fmt.Errorf("backup: stream %s: %w", name, inWords(err))
		}
		switch name {
		case keysStream:
			keysEnd = stream.Last
		case eventstore.Stream:
			err = backupLateKeys(ctx, nc, keysEnd, filepath.Join(c.Folder, keysStream, lateKeysFile))
		}
		if err != nil {
			return fmt.Errorf("backup: keys that came meanwhile: %w", inWords(err))
		}
		made.Streams = append(made.Streams, stream)
		fmt.Fprintf(s.out, "%s: %s, up to sequence %d\n", name, domain.Counted(int(stream.Messages), "message"), stream.Last)
	}
	if err := made.write(c.Folder); err != nil {
		return fmt.Errorf("backup: %w", inWords(err))
	}
	return nil
}

// begin makes the folder, which has to be empty.
func (c *backupCommand) begin() error {
	if info, err := os.Stat(c.Folder); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file and not a folder", c.Folder)
	}
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return inWords(err)
	}
	entries, err := os.ReadDir(c.Folder)
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty", c.Folder)
	}
	return inWords(err)
}

func (c *backupCommand) streams() []string {
	all := append([]string(nil), backedUp[:len(backedUp)-1]...)
	if c.Sources {
		all = append(all, backedUpSources...)
	}
	return append(all, backedUp[len(backedUp)-1])
}

// apiLimit is how long JetStream may take for one answer: a disk may have to sync many messages first.
const apiLimit = time.Minute

func newManager(nc *nats.Conn) (*jsm.Manager, error) { return jsm.New(nc, jsm.WithTimeout(apiLimit)) }

// wholeAttempts is how often the counter is copied until the copy is whole.
const wholeAttempts = 100

// backupStream copies one stream into a folder of its own. A copy lacks what is replaced while it is made. Of the counter
// there is but one message, which is replaced all the time: it is copied again until it is there.
func backupStream(ctx context.Context, manager *jsm.Manager, name, folder string, stderr io.Writer) (copied manifestStream, err error) {
	stream, err := manager.LoadStream(name)
	if err != nil {
		return copied, err
	}
	for range wholeAttempts {
		if copied, err = copyStream(ctx, stream, folder, stderr); err != nil || name != eventstore.IDStream {
			return copied, err
		}
		whole, err := isWhole(folder, copied.Messages)
		if err != nil || whole {
			return copied, err
		}
		if err := os.RemoveAll(folder); err != nil {
			return copied, err
		}
	}
	return copied, errors.New("it changes too fast to be copied")
}

// copyStream makes JetStream's own snapshot of a stream, which keeps sequences and times.
func copyStream(ctx context.Context, stream *jsm.Stream, folder string, stderr io.Writer) (copied manifestStream, err error) {
	state, err := stream.State()
	if err != nil {
		return copied, err
	}
	bar := terminal.NewProgress(stderr, state.Bytes, terminal.Bytes)
	_, err = stream.SnapshotToDirectory(ctx, folder, jsm.SnapshotHealthCheck(), jsm.SnapshotNotify(func(p jsm.SnapshotProgress) {
		bar.Set(min(p.UncompressedBytesReceived(), state.Bytes))
	}))
	bar.Clear()
	if err != nil {
		return copied, err
	}
	meta, err := readStreamMeta(folder)
	return manifestStream{Name: stream.Name(), First: meta.State.FirstSeq, Last: meta.State.LastSeq, Messages: meta.State.Msgs}, err
}

// backupLateKeys writes what came to stand under keys behind a sequence of their bucket.
func backupLateKeys(ctx context.Context, nc *nats.Conn, after uint64, path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(file)
	err = idempotency.StoredAfter(ctx, nc, after, func(key idempotency.Entry) error { return lines.Encode(key) })
	return errors.Join(err, file.Close())
}

// inWords says what is wrong with a file as a person would.
func inWords(err error) error {
	var at *fs.PathError
	if !errors.As(err, &at) {
		return err
	}
	return fmt.Errorf("%s cannot be used: %w", at.Path, at.Err)
}

// serviceRuns tells whether a replica answers.
func serviceRuns(ctx context.Context, nc *nats.Conn) (bool, error) {
	letters, err := deadletter.New(nc)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	return !errors.Is(letters.Retry(ctx, 0), deadletter.ErrNoService), nil // there is no message 0
}
