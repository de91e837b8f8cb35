package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"clients/eventstore/files"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
)

// Draft is the store that a restore makes, with a server that syncs nothing and does not listen. It lies in a folder
// within the data directory until Finish puts it in its place: until then Start returns ErrUnfinished.
type Draft struct {
	*Server
	dir  string
	lock *flock.Flock
}

// draftName is the folder of a draft in the data directory.
const draftName = "restoring"

// BeginDraft locks the data directory, and begins a draft anew. It returns ErrStoreThere, and leaves the directory as it
// was, where there is a store already, and ErrLocked.
func BeginDraft(dir string, log *slog.Logger) (_ *Draft, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	d := &Draft{dir: dir}
	if d.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = d.lock.Unlock()
		}
	}()
	if exists(filepath.Join(dir, storeName)) {
		return nil, fmt.Errorf("%w: %s", ErrStoreThere, dir)
	}
	if err := os.RemoveAll(d.folder()); err != nil {
		return nil, err
	}
	if err := os.Mkdir(d.folder(), 0o700); err != nil {
		return nil, err
	}
	d.Server = &Server{dir: d.folder()}
	if err := d.run(&server.Options{DontListen: true}, log); err != nil {
		d.Shutdown()
		return nil, fmt.Errorf("start embedded server: %w", err)
	}
	return d, nil
}

func (d *Draft) folder() string { return filepath.Join(d.dir, draftName) }

// Finish stops the server, checks the store as Start does, syncs it, and puts it in its place, with a high-water mark.
// Whatever interrupts it, a service then starts with all of the store or not at all.
func (d *Draft) Finish() error {
	d.stop()
	found, err := scan(filepath.Join(d.folder(), storeName))
	if err != nil {
		return err
	}
	if err := files.Replace(filepath.Join(d.folder(), highWaterName), formatMark(found.last)); err != nil {
		return err
	}
	if err := files.SyncTree(d.folder()); err != nil {
		return err
	}
	for _, name := range []string{highWaterName, storeName} { // a mark without a store is refused, and not the other way round
		if err := os.Rename(filepath.Join(d.folder(), name), filepath.Join(d.dir, name)); err != nil {
			return err
		}
		if err := errors.Join(files.Sync(d.folder()), files.Sync(d.dir)); err != nil {
			return err
		}
	}
	return errors.Join(os.RemoveAll(d.folder()), files.Sync(d.dir), files.Sync(filepath.Dir(d.dir)))
}

// unfinished returns ErrUnfinished where a draft was not put in its place. One of which only the folder is left was.
func unfinished(dir string) error {
	draft := filepath.Join(dir, draftName)
	if !exists(draft) || exists(filepath.Join(dir, storeName)) && !exists(filepath.Join(draft, storeName)) {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrUnfinished, draft)
}

// Discard removes a draft, unless it was finished, and unlocks the data directory.
func (d *Draft) Discard() error {
	d.Shutdown()
	return errors.Join(os.RemoveAll(d.folder()), d.lock.Unlock())
}
