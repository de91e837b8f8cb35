package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"clients/eventstore"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
)

// Copy is a server over a temporary copy of a store that no server uses. It does not listen. What it does to the store, such
// as to cut a file off where it cannot read it, it does to the copy.
type Copy struct {
	*Server
	// Reached is the sequence of the high-water mark, 0 where there is none.
	Reached uint64
	// Damage holds why Start refuses the store: a damaged high-water mark, and what is wrong with its files.
	Damage []error
}

// StartCopy copies the store in a data directory to the folder for temporary files and starts a server over the copy,
// which Close removes. The data directory is only read, and locked until StartCopy returns.
//
// The errors are ErrUnfinished, eventstore.ErrNoHistory where there is no store, ErrLocked, and ErrNoRoom.
func StartCopy(dir string) (_ *Copy, err error) {
	lock, err := shareDir(dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := unfinished(dir); err != nil {
		return nil, err
	}
	store := filepath.Join(dir, storeName)
	if !exists(store) {
		return nil, fmt.Errorf("%w: %s", eventstore.ErrNoHistory, dir)
	}
	temporary, err := os.MkdirTemp("", "clients-verify-")
	if err != nil {
		return nil, err
	}
	c := &Copy{Server: &Server{dir: temporary}}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if c.Reached, err = readMark(filepath.Join(dir, highWaterName)); err != nil {
		c.Damage = append(c.Damage, err)
	}
	if _, err := scan(store); err != nil && !errors.Is(err, eventstore.ErrIncomplete) { // reading the copy shows what is missing
		c.Damage = append(c.Damage, err)
	}
	if err := requireRoom(temporary, store); err != nil {
		return nil, err
	}
	if err := os.CopyFS(temporary, os.DirFS(store)); err != nil {
		return nil, err
	}
	return c, c.run(temporary, &server.Options{DontListen: true}, slog.New(slog.DiscardHandler))
}

// Close stops the server and removes the copy.
func (c *Copy) Close() error {
	c.Shutdown()
	return os.RemoveAll(c.dir)
}

// shareDir keeps servers from being started over a data directory, until the lock is closed.
func shareDir(dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, lockName), flock.SetFlag(os.O_RDONLY))
	locked, err := lock.TryRLock()
	switch {
	case errors.Is(err, fs.ErrNotExist): // the directory is a copy without it
		return lock, nil
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	case !locked:
		return nil, fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	return lock, nil
}

// ErrNoRoom is the error of StartCopy where the folder for temporary files has no room for a copy.
var ErrNoRoom = errors.New("no room for a copy of the store: set TMPDIR to a folder with more room")

// requireRoom returns ErrNoRoom where a copy of a store does not fit on the disk of a folder.
func requireRoom(folder, store string) error {
	var size uint64
	err := filepath.WalkDir(store, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += uint64(info.Size())
		}
		return err
	})
	if err != nil {
		return err
	}
	if d, err := statDisk(folder); err == nil && d.free < size+d.reserve() {
		return fmt.Errorf("%w: it takes %d MiB and %d MiB are free", ErrNoRoom, (size+d.reserve())>>20, d.free>>20)
	}
	return nil
}
