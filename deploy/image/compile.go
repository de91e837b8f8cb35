package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// compile makes a program that needs nothing of the system that it runs on. Its version and commit are in it, and told by
// that alone: what Go notes of a checkout would depend on where the program is built.
func compile(o options, from origin, program string) error {
	flags := "-s -w"
	if !from.foreign {
		flags += fmt.Sprintf(" -X main.version=%s -X main.commit=%s", from.version, from.revision)
	}
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", program, o.program)
	cmd.Dir = o.module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+o.arch)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}
