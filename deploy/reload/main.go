// Command reload makes a NATS server read its certificates again when they have changed:
//
//	reload FOLDER PIDFILE
//
// It looks at the files of FOLDER, a mounted Secret, every few seconds. When they have changed, and once when it starts, it
// sends SIGHUP to the process whose id is in PIDFILE, which the server writes. It runs beside the server in the same pod,
// where containers share a process namespace and a volume for PIDFILE.
package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// interval is how often the files are looked at. A kubelet updates a mounted Secret about once a minute.
const interval = 5 * time.Second

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if len(os.Args) != 3 {
		log.Error("usage: reload FOLDER PIDFILE")
		os.Exit(2)
	}
	folder, pidFile := os.Args[1], os.Args[2]
	for used := ""; ; time.Sleep(interval) {
		found, err := state(folder, pidFile)
		if err != nil {
			log.Warn("waiting for files", "error", err)
			continue
		}
		if found == used {
			continue
		}
		if err := signal(pidFile); err != nil {
			log.Error("reload failed", "error", err)
			continue
		}
		used = found
		log.Info("server reloaded", "folder", folder)
	}
}

// state returns a digest of the files, and of the process: a server that was restarted is signaled again, because it may have
// read the files before they changed. Hidden files are those by which a kubelet replaces all others at once.
func state(folder, pidFile string) (string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "[^.]*"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no files", folder)
	}
	if err != nil {
		return "", err
	}
	digest := sha256.New()
	for _, file := range slices.Concat(files, []string{pidFile}) {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(digest, "%s %d ", file, len(content))
		digest.Write(content)
	}
	return string(digest.Sum(nil)), nil
}

// signal sends SIGHUP to the process of a file. It never signals a group of processes.
func signal(pidFile string) error {
	content, err := os.ReadFile(pidFile)
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err == nil && pid <= 1 {
		err = errors.New("not the process of a server")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", pidFile, err)
	}
	return syscall.Kill(pid, syscall.SIGHUP)
}
