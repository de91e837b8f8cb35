// Package files writes files so that they survive a crash of the machine.
package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// TemporarySuffix is added to the name of a file while it is written. A process that is killed may leave it.
const TemporarySuffix = ".tmp"

// Replace replaces a file atomically: whatever interrupts it, the file has its former content or the new one. When it returns
// nil the new content survives a crash of the machine. The disk has to have room for it beside the former one.
func Replace(path string, content []byte) error {
	temporary := path + TemporarySuffix
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
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
