package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// service is the real one, with the users of the overlay demo, and its store in a folder.
type service struct {
	t       *testing.T
	program string
	folder  string
	address string
	process *exec.Cmd
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, folder: t.TempDir(), address: "127.0.0.1:0"}
	s.program = filepath.Join(s.folder, "clients")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../../..", "-o", s.program, "./cmd/clients").CombinedOutput()
	require.NoError(t, err, "%s", out)
	users, err := os.ReadFile("../../kubernetes/overlays/demo/default.htpasswd")
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(s.folder, "users"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "users", "default.htpasswd"), users, 0o600))
	t.Cleanup(func() { s.stop(syscall.SIGKILL) })
	s.start()
	return s
}

// start starts it, at the address that it had before.
func (s *service) start() {
	s.t.Helper()
	s.process = exec.Command(s.program, "--http-addr="+s.address, "--ops-addr=127.0.0.1:0", "--embedded-nats-addr=127.0.0.1:0",
		"--data-dir="+filepath.Join(s.folder, "data"), "--credentials-dir="+filepath.Join(s.folder, "users"))
	out, err := s.process.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, s.process.Start())
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if url := regexp.MustCompile(`API +http://([^/\s]+)`).FindStringSubmatch(lines.Text()); url != nil {
			s.address = url[1]
			return
		}
	}
	s.t.Fatal("it has not started")
}

func (s *service) stop(signal os.Signal) {
	if s.process != nil {
		_ = s.process.Process.Signal(signal)
		_ = s.process.Wait()
		s.process = nil
	}
}
