package main

import (
	"fmt"
	"os"
	"os/exec"
	"time"
)

// compile makes a program that needs nothing of the system that it runs on. Its commit is in it where it is built of a
// checkout.
func compile(o options, program string) error {
	hash, _ := commit(o.module)
	flags := fmt.Sprintf("-s -w -X main.version=%s -X main.commit=%s", o.version, hash)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", flags, "-o", program, o.program)
	cmd.Dir = o.module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+o.arch)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// commit answers the checkout's commit and its time, empty and 1970 where there is none.
func commit(folder string) (hash string, at time.Time) {
	at = time.Unix(0, 0).UTC()
	out, err := exec.Command("git", "-C", folder, "log", "-1", "--format=%H %cI").Output()
	if err != nil || len(out) < 42 {
		return "", at
	}
	if committed, err := time.Parse(time.RFC3339, string(out[41:len(out)-1])); err == nil {
		at = committed.UTC()
	}
	return string(out[:40]), at
}
