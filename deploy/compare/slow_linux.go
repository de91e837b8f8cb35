package main

import (
	"fmt"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// startSlowed starts a command of which every fsync and fdatasync takes longer by delay, and the opening of every file that is
// then written with O_SYNC or O_DSYNC. This is for the process and all its descendants, and costs nothing else: the kernel
// holds these system calls alone back (seccomp_unotify(2)) until this process lets them go on.
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
			data       [64]byte
		}
		if ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&call)) != 0 {
			continue // the caller was killed
		}
		time.AfterFunc(time.Duration(delay.Load()), func() {
			response := struct { // seccomp_notif_resp
				id           uint64
				value        int64
				error, flags uint32
			}{id: call.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
			_ = ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&response))
		})
	}
}

func ioctl(fd int, request uint, argument unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(argument))
	return errno
}
