package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"clients/eventstore/files"

	"github.com/nats-io/nats-server/v2/server"
)

// Draft is the store that a restore makes, with a server that syncs nothing and does not listen. It lies in a folder
// within the data directory until Finish puts it in its place: until then Start returns ErrUnfinished.
type Draft struct{ *Server }

// draftName is the folder of a draft in the data directory.
const draftName = "restoring"

// BeginDraft locks the data directory, and begins a draft anew. It returns ErrStoreThere, and leaves the directory as it
// was, where there is a store already, and ErrLocked.
func BeginDraft(dir string, log *slog.Logger) (_ *Draft, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	d := &Draft{&Server{dir: dir}}
	defer func() {
		if err != nil {
			d.Shutdown()
		}
	}()
	if d.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	if HasStore(dir) {
		return nil, fmt.Errorf("%w: %s", ErrStoreThere, dir)
	}
	if err := os.RemoveAll(d.folder()); err != nil {
		return nil, err
	}
	if err := d.run(d.folder(), &server.Options{DontListen: true}, log); err != nil {
		return nil, fmt.Errorf("start embedded server: %w", err)
	}
	return d, nil
}

func (d *Draft) folder() string { return filepath.Join(d.dir, draftName) }

// Finish stops the server, checks and repairs the store as Start does, syncs it, and puts it in its place, behind its high-water mark.
// Whatever interrupts it, a service then starts with all of the store or not at all.
func (d *Draft) Finish() error {
	d.stop()
	found, err := scan(d.folder())
	if err != nil {
		return err
	}
	if err := found.repair(d.folder()); err != nil { // an erasure deletes a stream, whose files the server removes in the background
		return err
	}
	if err := files.SyncTree(d.folder()); err != nil {
		return err
	}
	if err := files.Replace(filepath.Join(d.dir, highWaterName), formatMark(found.last)); err != nil {
		return err
	}
	if err := os.Rename(d.folder(), filepath.Join(d.dir, storeName)); err != nil {
		return err
	}
	return errors.Join(files.Sync(d.dir), files.Sync(filepath.Dir(d.dir)))
}

// unfinished returns ErrUnfinished where a draft was not put in its place.
func unfinished(dir string) error {
	if draft := filepath.Join(dir, draftName); exists(draft) {
		return fmt.Errorf("%w: %s", ErrUnfinished, draft)
	}
	return nil
}

// Discard removes a draft, unless it was finished, and unlocks the data directory.
func (d *Draft) Discard() error {
	d.stop()
	err := os.RemoveAll(d.folder())
	d.Shutdown()
	return err
}
