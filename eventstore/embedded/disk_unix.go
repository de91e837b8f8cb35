//go:build linux || darwin || freebsd

package embedded

import "syscall"

// statDisk returns what the file system of a folder has.
func statDisk(dir string) (d disk, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return d, err
	}
	unit := uint64(fs.Bsize)
	return disk{size: fs.Blocks * unit, free: uint64(fs.Bavail) * unit, noFiles: fs.Files > 0 && fs.Ffree < minFiles}, nil
}
