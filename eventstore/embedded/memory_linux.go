package embedded

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

const tmpfsMagic = 0x01021994

// requireMemory fails if a folder is not in memory, or has no room for two batches of a size.
func requireMemory(folder string, size int) error {
	var fs syscall.Statfs_t
	switch err := syscall.Statfs(folder, &fs); {
	case err != nil:
		return &os.PathError{Op: "statfs", Path: folder, Err: err}
	case fs.Type != tmpfsMagic:
		return fmt.Errorf("%s is not in memory", folder)
	case fs.Bavail*uint64(fs.Bsize) < uint64(3*size+spareMemory):
		return fmt.Errorf("no room in %s", folder)
	}
	return nil
}

// lockFolder locks a folder until the file is closed, and fails if it is locked.
func lockFolder(folder string) (*os.File, error) {
	file, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
