// Command lock runs a command that must not run twice over the same files, such as a server over its store:
//
//	lock FILE COMMAND [ARGUMENT...]
//
// It waits until no other process holds the lock of FILE and then executes the command in its place. The kernel releases the
// lock when the process ends, however it ends.
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	log.SetPrefix("lock: ")
	if len(os.Args) < 3 {
		log.Fatal("usage: lock FILE COMMAND [ARGUMENT...]")
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		log.Fatal(err)
	}
}

// run executes the command. It returns only an error.
func run(file string, command []string) error {
	program, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	if err := hold(file); err != nil {
		return fmt.Errorf("lock %s: %w", file, err)
	}
	if err := syscall.Exec(program, command, os.Environ()); err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	return nil
}

// hold locks a file and leaves it open across exec. (os.OpenFile sets close-on-exec, which would release the lock.)
func hold(file string) error {
	fd, err := syscall.Open(file, syscall.O_CREAT|syscall.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	err = syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		log.Printf("%s is held by another process: waiting for its end", file)
		err = syscall.EINTR
	}
	for errors.Is(err, syscall.EINTR) {
		err = syscall.Flock(fd, syscall.LOCK_EX)
	}
	return err
}
