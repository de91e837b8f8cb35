package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// stamp are the flags of the linker that put version and commit into a program; none for one of another module, which
// knows its own.
func (from origin) stamp() string {
	if from.foreign {
		return ""
	}
	return fmt.Sprintf("-X clients/cmd/clients/internal/version.version=%s -X clients/cmd/clients/internal/version.commit=%s", from.version, from.revision)
}

// compile makes a program that needs nothing of the system that it runs on. Its version and commit are told by its stamp
// alone: what Go notes of a checkout would depend on where the program is built.
func compile(o options, program, stamp, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w "+stamp, "-o", file, program)
	cmd.Dir = o.module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+o.arch)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}
