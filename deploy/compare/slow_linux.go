package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// startSlowed starts a command of which every fsync and fdatasync takes longer by delay, and the opening of every file that is
// then written with O_SYNC or O_DSYNC, unless the file is in memory. This is for the process and all its descendants, and
// costs nothing else: the kernel holds these system calls alone back (seccomp_unotify(2)) until this process lets them go on.
func startSlowed(c *exec.Cmd, delay *atomic.Int64) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the filter is the thread's, and ends with it
		listener, err := installFilter()
		if err == nil {
			err = c.Start()
		}
		if err == nil {
			go release(listener, delay)
		}
		started <- err
	}()
	return <-started
}

// installFilter makes the kernel report the system calls that sync, of this thread and of what it starts.
func installFilter() (listener int, err error) {
	const (
		load, equal, bits, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K,
			unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, unix.BPF_RET | unix.BPF_K
		number, flags = 0, 16 + 2*8 // offsets in seccomp_data: the system call, and the third argument of openat
	)
	filter := []unix.SockFilter{
		{Code: load, K: number},
		{Code: equal, K: unix.SYS_FSYNC, Jt: 5},
		{Code: equal, K: unix.SYS_FDATASYNC, Jt: 4},
		{Code: equal, K: unix.SYS_OPENAT, Jf: 2},
		{Code: load, K: flags},
		{Code: bits, K: unix.O_DSYNC, Jt: 1}, // O_SYNC has it, too
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
		{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
		uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return 0, fmt.Errorf("install seccomp filter: %w", errno)
	}
	unix.CloseOnExec(int(fd))
	return int(fd), nil
}

// release lets each reported system call go on after the delay, until all processes have ended.
func release(listener int, delay *atomic.Int64) {
	defer unix.Close(listener)
	for {
		poll := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); err == unix.EINTR {
			continue
		} else if err != nil || poll[0].Revents&unix.POLLIN == 0 {
			return
		}
		var call struct { // seccomp_notif
			id         uint64
			pid, flags uint32
			data       systemCall
		}
		if ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&call)) != 0 {
			continue // the caller was killed
		}
		wait := time.Duration(delay.Load())
		if call.data.inMemory(call.pid) {
			wait = 0
		}
		time.AfterFunc(wait, func() {
			response := struct { // seccomp_notif_resp
				id           uint64
				value        int64
				error, flags uint32
			}{id: call.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
			_ = ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&response))
		})
	}
}

// systemCall is seccomp_data.
type systemCall struct {
	number, architecture uint32
	instruction          uint64
	arguments            [6]uint64
}

// inMemory reports whether the call is about a file in memory (tmpfs): there is no disk that takes time to sync it.
func (c systemCall) inMemory(thread uint32) bool {
	process := fmt.Sprintf("/proc/%d", thread)
	path := fmt.Sprintf("%s/fd/%d", process, c.arguments[0])
	if c.number == unix.SYS_OPENAT {
		path = filepath.Dir(textAt(process, int64(c.arguments[1])))
	}
	var fs unix.Statfs_t
	return filepath.IsAbs(path) && unix.Statfs(path, &fs) == nil && fs.Type == unix.TMPFS_MAGIC
}

// textAt returns the text at an address of a process, "" if it cannot be read.
func textAt(process string, address int64) string {
	memory, err := os.Open(process + "/mem")
	if err != nil {
		return ""
	}
	defer memory.Close()
	content := make([]byte, unix.PathMax)
	n, _ := memory.ReadAt(content, address)
	text, _, _ := bytes.Cut(content[:n], []byte{0})
	return string(text)
}

func ioctl(fd int, request uint, argument unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(argument))
	return errno
}
