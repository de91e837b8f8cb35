package eventstore

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Draft is the store of an embedded server while a restore makes it. It lies in a folder within the data directory, and
// is put in its place as a whole: until then a service refuses to start there. Its server syncs nothing, and lets
// nobody in.
type Draft struct {
	*Embedded
	dir  string
	lock *flock.Flock
}

// draftName is the folder of a draft in the data directory.
const draftName = "restoring"

// BeginDraft begins a draft anew, and takes the lock of the data directory. It answers ErrStoreThere, having touched
// nothing, where there is a store already, and ErrLocked.
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
	if isThere(filepath.Join(dir, storeName)) {
		return nil, fmt.Errorf("%w: %s", ErrStoreThere, dir)
	}
	if err := os.RemoveAll(d.folder()); err != nil {
		return nil, err
	}
	d.Embedded, err = StartEmbedded(EmbeddedConfig{Dir: d.folder(), Unsynced: true, Log: log})
	return d, err
}

func (d *Draft) folder() string { return filepath.Join(d.dir, draftName) }

// Finish stops the server, looks through the store as each start does, syncs it, and puts it in its place. Whatever
// interrupts it, a service then starts with all of the store or not at all. A high-water mark that an earlier store has
// left behind goes.
func (d *Draft) Finish() error {
	d.server.Shutdown()
	d.server.WaitForShutdown()
	store := filepath.Join(d.folder(), storeName)
	last, err := inspect(store, true)
	if err != nil {
		return err
	}
	d.HighWater.advance(last)
	d.Shutdown()
	if err := SyncTree(d.folder()); err != nil {
		return err
	}
	for _, name := range []string{highWaterName, storeName} { // a mark without a store is refused, and not the other way round
		if err := os.Rename(filepath.Join(d.folder(), name), filepath.Join(d.dir, name)); err != nil {
			return err
		}
		if err := errors.Join(Sync(d.folder()), Sync(d.dir)); err != nil {
			return err
		}
	}
	return errors.Join(os.RemoveAll(d.folder()), Sync(d.dir), Sync(filepath.Dir(d.dir)))
}

// unfinished answers ErrUnfinished where a draft lies in a data directory that was not put in its place. One that was, and
// of which only the folder is left, is finished.
func unfinished(dir string) error {
	draft := filepath.Join(dir, draftName)
	if !isThere(draft) || isThere(filepath.Join(dir, storeName)) && !isThere(filepath.Join(draft, storeName)) {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrUnfinished, draft)
}

// Discard takes a draft away, unless it was finished, and gives the data directory free.
func (d *Draft) Discard() error {
	d.Shutdown()
	return errors.Join(os.RemoveAll(d.folder()), d.lock.Unlock())
}

// WriteFile replaces a file of the data directory, as a whole: whatever interrupts it, there is the former file or the new
// one, and when it returns nil the new one outlives the machine.
func WriteFile(path string, content []byte) error {
	temporary := path + ".tmp"
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return Sync(filepath.Dir(path))
}

// SyncTree makes all files and folders below a folder outlive the machine.
func SyncTree(folder string) error {
	return filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return Sync(path)
	})
}

// Sync makes a file, or the list of what is in a folder, outlive the machine.
func Sync(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
