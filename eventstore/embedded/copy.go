package embedded

import (
	"context"
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
// which Close removes. The data directory is only read, and locked until StartCopy returns. progress is called with the
// number of bytes copied so far.
//
// The errors are ErrUnfinished, eventstore.ErrNoHistory where there is no store, ErrLocked, and a *NoRoomError.
func StartCopy(ctx context.Context, dir string, progress func(done, total uint64)) (_ *Copy, err error) {
	if err := unfinished(dir); err != nil {
		return nil, err
	}
	if !exists(filepath.Join(dir, storeName)) {
		return nil, fmt.Errorf("%w: %s", eventstore.ErrNoHistory, dir)
	}
	lock, err := shareDir(dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	c := &Copy{}
	c.check(dir)
	temporary, err := os.MkdirTemp("", "clients-verify-")
	if err != nil {
		return nil, err
	}
	c.Server = &Server{dir: temporary}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if err := copyStore(ctx, dir, temporary, progress); err != nil {
		return nil, err
	}
	return c, c.run(&server.Options{DontListen: true}, slog.New(slog.DiscardHandler))
}

// check fills in Reached and Damage.
func (c *Copy) check(dir string) {
	reached, _, err := readMark(filepath.Join(dir, highWaterName))
	if c.Reached = reached; err != nil {
		c.Damage = append(c.Damage, err)
	}
	_, err = scan(filepath.Join(dir, storeName))
	if err != nil && !errors.Is(err, eventstore.ErrIncomplete) { // reading the history shows what is missing
		c.Damage = append(c.Damage, err)
	}
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

// copyStore copies the store of one data directory to another.
func copyStore(ctx context.Context, from, to string, progress func(done, total uint64)) error {
	source := os.DirFS(filepath.Join(from, storeName))
	size, err := sizeOf(source)
	if err != nil {
		return err
	}
	if d, err := statDisk(to); err == nil && d.free < size+d.reserve() {
		return &NoRoomError{Folder: filepath.Dir(to), Needed: size + d.reserve(), Free: d.free}
	}
	var done uint64
	return fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, storeName, path), 0o700)
		}
		content, err := fs.ReadFile(source, path)
		if err != nil {
			return err
		}
		done += uint64(len(content))
		progress(min(done, size), size)
		return os.WriteFile(filepath.Join(to, storeName, path), content, 0o600)
	})
}

// NoRoomError reports that there is no room for a copy of a store.
type NoRoomError struct {
	Folder       string // for temporary files
	Needed, Free uint64 // bytes
}

func (e *NoRoomError) Error() string {
	return fmt.Sprintf("a copy of the store needs %d MiB, and %s has %d MiB free: set TMPDIR to a folder with more room", e.Needed>>20, e.Folder, e.Free>>20)
}

func sizeOf(files fs.FS) (size uint64, err error) {
	err = fs.WalkDir(files, ".", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		size += uint64(info.Size())
		return err
	})
	return size, err
}
