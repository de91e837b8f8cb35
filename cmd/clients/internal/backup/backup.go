package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
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

// ownStreams are the streams of every backup, in the order in which they are copied; see the package comment.
var ownStreams = []string{eventstore.SnapshotsStream, idempotency.Stream, eventstore.Stream, deadletter.Stream, eventstore.IDStream}

// lateKeysFile lies with the copy of the keys. It has one JSON object per line: the keys stored from the moment of that
// copy to one after that of the events. A copy of a bucket may also lack values that were replaced while it was made.
const lateKeysFile = "late-keys.jsonl"

// Options of a backup.
type Options struct {
	Sources  bool   // also PROJECTS and INVOICES
	Version  string // of the program
	Out, Err io.Writer
}

// Create copies the streams into a folder, which must be empty or not exist. If it fails it removes the folder. The error is
// ErrRemoved if messages were removed meanwhile.
func Create(ctx context.Context, nc *nats.Conn, folder string, options Options) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		err := fmt.Errorf("%s: not empty", folder)
		if _, missing := os.Stat(filepath.Join(folder, manifestFile)); errors.Is(missing, os.ErrNotExist) {
			err = terminal.WithHint(err, "it may be what a backup that was killed has left: remove it, or name another folder")
		}
		return err
	}
	if err := create(ctx, nc, folder, options); err != nil {
		written, _ := os.ReadDir(folder)
		for _, entry := range written {
			_ = os.RemoveAll(filepath.Join(folder, entry.Name()))
		}
		_ = os.Remove(folder) // not if it is a symbolic link to a folder
		return err
	}
	return nil
}

func create(ctx context.Context, nc *nats.Conn, folder string, options Options) error {
	manager, err := newManager(nc)
	if err != nil {
		return err
	}
	before, err := removedSoFar(manager)
	if err != nil {
		return err
	}
	m := manifest{Format: 1, MadeAt: time.Now().UTC(), Version: options.Version}
	var keysEnd uint64
	for _, name := range Streams(options.Sources) {
		stream, err := copyStream(ctx, manager, name, filepath.Join(folder, name), options.Err)
		if err != nil {
			return fmt.Errorf("stream %s: %w", name, err)
		}
		switch name {
		case idempotency.Stream:
			keysEnd = stream.Last
		case eventstore.Stream:
			err = copyLateKeys(ctx, nc, keysEnd, filepath.Join(folder, idempotency.Stream, lateKeysFile))
		}
		if err != nil {
			return fmt.Errorf("late keys: %w", err)
		}
		m.Streams = append(m.Streams, stream)
		fmt.Fprintf(options.Out, "%s: %s, up to sequence %d\n", name, domain.Counted(int(stream.Messages), "message"), stream.Last)
	}
	after, err := removedSoFar(manager)
	if err == nil && after != before {
		err = ErrRemoved
	}
	if err != nil {
		return err
	}
	for _, c := range unfinished(ctx, nc) {
		fmt.Fprintf(options.Out, "note: the erasure of %s is not complete: the backup holds its texts\n", c)
	}
	return m.write(folder)
}

// Streams returns the streams of a backup in the order in which they are copied. The counter of ids is the last one.
func Streams(sources bool) []string {
	if !sources {
		return ownStreams
	}
	return slices.Insert(slices.Clone(ownStreams), len(ownStreams)-1, upstream.Projects.Name, upstream.Invoices.Name)
}

func newManager(nc *nats.Conn) (*jsm.Manager, error) { return jsm.New(nc, jsm.WithTimeout(apiTimeout)) }

// copyStream has JetStream write its snapshot of a stream, which keeps sequences and times, into a folder of its own. A copy lacks
// messages that were replaced while it was made, such as that of the counter of ids: see the package comment.
func copyStream(ctx context.Context, manager *jsm.Manager, name, folder string, stderr io.Writer) (copied manifestStream, err error) {
	stream, err := manager.LoadStream(name)
	if err != nil {
		return copied, err
	}
	if slices.Contains(stream.Subjects(), eventstore.RestoreSubject) {
		return copied, eventstore.ErrUnfinishedRestore
	}
	state, err := stream.State()
	if err != nil {
		return copied, err
	}
	bar := terminal.NewProgress(stderr, state.Bytes, "bytes")
	_, err = stream.SnapshotToDirectory(ctx, folder, jsm.SnapshotHealthCheck(), jsm.SnapshotNotify(func(p jsm.SnapshotProgress) {
		bar.Set(min(p.UncompressedBytesReceived(), state.Bytes))
	}))
	bar.Clear()
	if err != nil {
		return copied, err
	}
	meta, err := readStreamMeta(folder)
	return manifestStream{Name: name, First: meta.State.FirstSeq, Last: meta.State.LastSeq, Messages: meta.State.Msgs}, err
}

// copyLateKeys writes the keys stored after a sequence of their bucket.
func copyLateKeys(ctx context.Context, nc *nats.Conn, after uint64, path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(idempotency.Backup(ctx, nc, after, file), file.Close())
}
