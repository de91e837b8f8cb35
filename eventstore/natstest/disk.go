//go:build diskfaults

package natstest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// NewDisk mounts a file system of a size in bytes in memory until the end of the test and returns its path. It needs root.
func NewDisk(t testing.TB, bytes int64) (dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)))
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// Fill uses all free space of the disk at dir; free releases it.
func Fill(t testing.TB, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	for block := int64(1 << 20); block > 0; block /= 2 { // down to the last byte
		for at, _ := file.Seek(0, 2); syscall.Fallocate(int(file.Fd()), 0, at, block) == nil; {
			at += block
		}
	}
	return func() { _ = os.Remove(path) }
}

// DelaySyncs delays every fsync of the process from its return until end is called. It needs strace and the permission to
// trace the process, and slows down every system call of the process.
func (p *Process) DelaySyncs(t testing.TB, by time.Duration) (end func()) {
	t.Helper()
	calls := "fsync,fdatasync"
	tracer := exec.Command("strace", "-f", "-o", "/dev/null", "-e", "trace="+calls,
		"-e", fmt.Sprintf("inject=%s:delay_enter=%dus", calls, by.Microseconds()), "-p", fmt.Sprint(p.cmd.Process.Pid))
	stderr, err := tracer.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, tracer.Start())
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), "attached") {
		continue
	}
	require.Contains(t, lines.Text(), "attached")
	go func() {
		for lines.Scan() {
			continue // read on, so that strace never blocks on a full pipe
		}
	}()
	return func() {
		_ = tracer.Process.Signal(os.Interrupt) // it detaches
		_ = tracer.Wait()
	}
}
