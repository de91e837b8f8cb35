package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// HasStore reports whether there is a store in a data directory.
func HasStore(dir string) bool { return exists(filepath.Join(dir, storeName)) }

// AwaitRemoval waits until the server has removed the files of all streams that were deleted, which it does in the background.
func AwaitRemoval(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, removalLimit)
	defer cancel()
	for {
		left, err := filepath.Glob(filepath.Join(dir, storeName, "jetstream", streamsAccount, "streams", ".*"))
		if err != nil || len(left) == 0 {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("remove %v: %w", left, ctx.Err())
		}
	}
}

const removalLimit = 30 * time.Second

// WriteFile replaces a file of the data directory atomically: whatever interrupts it, the file has its former content or
// the new one. When it returns nil the new content survives a crash of the machine.
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

// SyncTree syncs all files and folders in a folder to disk.
func SyncTree(folder string) error {
	return filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return Sync(path)
	})
}

// Sync syncs a file, or the list of what is in a folder, to disk.
func Sync(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
