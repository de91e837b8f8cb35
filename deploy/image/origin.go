package main

import (
	"cmp"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// origin is the version and commit that the image records for its program.
type origin struct {
	version  string
	revision string // the checkout's commit; empty without a checkout, and for a program of another module
	at       time.Time
	foreign  bool // the program belongs to another module than the one in which it is built
}

// originOf returns the origin of the program. Values from the command line take precedence.
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
	return origin{version: cmp.Or(o.version, tag(o.module), "development"), revision: cmp.Or(o.commit, revision), at: at}, nil
}

// tag returns the version that the checkout's commit is tagged with, "" if it is modified or has no such tag.
func tag(folder string) string {
	out, err := exec.Command("git", "-C", folder, "describe", "--tags", "--exact-match", "--match", "v[0-9]*", "--dirty=-dirty").Output()
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	if err != nil || strings.HasSuffix(version, "-dirty") {
		return ""
	}
	return version
}

// commit returns the checkout's commit and its time, or "" and 1970 without a checkout. The commit of a modified checkout ends
// in -dirty, because its image cannot be reproduced.
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
