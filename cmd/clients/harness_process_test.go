package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// binary is the program as it is released. It is built once, for the first test that needs it.
var binary struct {
	sync.Once
	dir, path string
	err       error
}

func TestMain(m *testing.M) {
	natstest.Main()
	flag.Duration("faults", 0, "how long the fault tests go on; a short version of them runs without")
	code := m.Run()
	if binary.dir != "" {
		_ = os.RemoveAll(binary.dir)
	}
	os.Exit(code)
}

func binaryPath(t *testing.T) string {
	t.Helper()
	binary.Do(func() {
		if binary.dir, binary.err = os.MkdirTemp("", "clients-e2e-"); binary.err != nil {
			return
		}
		binary.path = filepath.Join(binary.dir, "clients")
		out, err := exec.Command("go", "build", "-o", binary.path, ".").CombinedOutput()
		if err != nil {
			binary.err = errors.New(err.Error() + ": " + string(out))
		}
	})
	require.NoError(t, binary.err, "go build")
	return binary.path
}

// process is a running binary.
type process struct {
	*caller
	cmd            *exec.Cmd
	opsURL         string
	natsURL        string
	stdout, stderr syncBuffer
	exited         chan struct{}
}

// spawn starts the binary on a data directory and free ports, and waits until it says that it is ready. variables are
// further settings, each "NAME=value".
func spawn(t *testing.T, dir string, variables ...string) *process {
	t.Helper()
	p := execute(t, nil, append([]string{
		"CLIENTS_DATA_DIR=" + dir, "CLIENTS_HTTP_ADDR=127.0.0.1:0", "CLIENTS_OPS_ADDR=127.0.0.1:0",
		"CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0", "CLIENTS_LOG_LEVEL=warn",
	}, variables...)...)
	p.awaitReady(t)
	p.natsURL = adminURL(p.natsURL, dir)
	return p
}

// execute starts the binary with nothing in its environment but variables. It is killed when the test ends.
func execute(t *testing.T, args []string, variables ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binaryPath(t), args...), exited: make(chan struct{})}
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.cmd.Dir}, variables...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	require.NoError(t, p.cmd.Start())
	go func() { defer close(p.exited); _ = p.cmd.Wait() }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%v wrote\n%s%s", args, &p.stdout, &p.stderr)
		}
	})
	return p
}

var greeting = regexp.MustCompile(`(?s)API +(https?://[0-9.:]+)/clients.*operations +(http://[0-9.:]+)/readyz.*NATS +(\S+), stream.*Try it:`)

// awaitReady learns the addresses from what the process prints.
func (p *process) awaitReady(t *testing.T) {
	t.Helper()
	var found []string
	eventually(t, "the process says where it listens", func() bool {
		found = greeting.FindStringSubmatch(p.stdout.String())
		return found != nil || p.gone()
	})
	require.NotNil(t, found, "the process ended: %s%s", &p.stdout, &p.stderr)
	p.caller, p.opsURL, p.natsURL = newCaller(t, found[1]), found[2], found[3]
}

func (p *process) gone() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// terminate asks the process to end.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
}

// exitCode waits for the end of the process.
func (p *process) exitCode(t *testing.T) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	select {
	case <-p.exited:
	case <-ctx.Done():
		require.Fail(t, "the process does not end", "%s%s", &p.stdout, &p.stderr)
	}
	return p.cmd.ProcessState.ExitCode()
}

// lines are the lines of what a process wrote.
func lines(text string) []string {
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}
