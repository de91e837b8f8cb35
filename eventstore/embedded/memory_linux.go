package embedded

import (
	"fmt"
	"os"
	"path/filepath"
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

// memoryFolder returns the path of the folder in memory that is a data directory's alone, on this machine.
func memoryFolder(memory, dir string) (string, error) {
	var info syscall.Stat_t
	if err := syscall.Stat(dir, &info); err != nil {
		return "", &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	return filepath.Join(memory, fmt.Sprintf("clients-batches-%d-%d", info.Dev, info.Ino)), nil
}
