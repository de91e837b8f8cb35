//go:build unix

package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// OutputClosed reports whether the other end of a pipe or terminal is closed. A command that writes rarely would not
// notice it otherwise.
func OutputClosed(output any) bool {
	file, isFile := output.(*os.File)
	if !isFile {
		return false
	}
	polled := []unix.PollFd{{Fd: int32(file.Fd())}}
	_, err := unix.Poll(polled, 0)
	return err == nil && polled[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0
}
