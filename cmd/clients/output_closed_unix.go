//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// outputClosed tells whether what is written reaches nobody any more: the other end of a pipe or terminal is gone. Whoever
// writes nothing for a while would not find out.
func outputClosed(output any) bool {
	file, isFile := output.(*os.File)
	if !isFile {
		return false
	}
	asked := []unix.PollFd{{Fd: int32(file.Fd())}}
	_, err := unix.Poll(asked, 0)
	return err == nil && asked[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0
}
