package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// stamp returns the linker flags that set the program's version and commit. They are empty for a program of another module,
// which has a version of its own.
func (from origin) stamp() string {
	if from.foreign {
		return ""
	}
	return fmt.Sprintf("-X clients/cmd/clients/internal/version.version=%s -X clients/cmd/clients/internal/version.commit=%s", from.version, from.revision)
}

// compile builds a static program. Its version and commit come from stamp alone: the build information that Go derives from a
// checkout depends on where the program is built.
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
