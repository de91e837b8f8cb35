package main

import (
	"cmp"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// origin is what is told of where a program comes from.
type origin struct {
	version  string
	revision string // of the checkout that it is built of; empty where there is none, and for a program of another module
	at       time.Time
	foreign  bool // it is of another module than that which it is built in
}

// originOf looks where the program comes from. What was said on the command line counts first.
func originOf(o options) (origin, error) {
	list := exec.Command("go", "list", "-f", "{{with .Module}}{{.Main}} {{.Version}}{{end}}", o.program)
	list.Dir = o.module
	out, err := list.CombinedOutput()
	if err != nil {
		return origin{}, fmt.Errorf("%w: %s", err, out)
	}
	if version, foreign := strings.CutPrefix(strings.TrimSpace(string(out)), "false "); foreign {
		return origin{version: cmp.Or(o.version, strings.TrimPrefix(version, "v")), revision: o.commit, at: time.Unix(0, 0).UTC(), foreign: true}, nil
	}
	revision, at := commit(o.module)
	return origin{version: cmp.Or(o.version, "development"), revision: cmp.Or(o.commit, revision), at: at}, nil
}

// commit answers the checkout's commit and its time, empty and 1970 where there is none. A checkout that holds anything
// else than its commit says so: its image cannot be made again.
func commit(folder string) (hash string, at time.Time) {
	at = time.Unix(0, 0).UTC()
	out, err := exec.Command("git", "-C", folder, "log", "-1", "--format=%H %cI").Output()
	if err != nil || len(out) < 42 {
		return "", at
	}
	if committed, err := time.Parse(time.RFC3339, string(out[41:len(out)-1])); err == nil {
		at = committed.UTC()
	}
	hash = string(out[:40])
	if changed, err := exec.Command("git", "-C", folder, "status", "--porcelain").Output(); err != nil || len(changed) > 0 {
		hash += "-dirty"
	}
	return hash, at
}
