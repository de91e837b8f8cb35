package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// service is a running process of the program.
type service struct {
	*client        // sends requests to the API
	ops     string // base URL of the operations endpoints
	nats    string // URL of the NATS servers that it uses
	dataDir string // of the embedded server; empty with external NATS

	variables []string // that it was started with
	cmd       *exec.Cmd
	stdout    output
	stderr    output
	exited    chan struct{}
}

// start runs a service with an embedded NATS server on a new data directory and free ports, and returns when it is ready.
// Each of variables is a further setting, "NAME=value"; later ones win.
func start(t testing.TB, variables ...string) *service {
	t.Helper()
	return startIn(t, filepath.Join(t.TempDir(), "data"), variables...)
}

// startIn is start with the data directory dir.
func startIn(t testing.TB, dir string, variables ...string) *service {
	t.Helper()
	s := launch(t, append([]string{"CLIENTS_DATA_DIR=" + dir, "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0"}, variables...)...)
	s.dataDir = dir
	s.awaitReady(t)
	return s
}

// startReplicas runs n replicas of the service on the NATS servers at url, after the streams of other services were
// created there.
func startReplicas(t testing.TB, n int, url string, variables ...string) []*service {
	t.Helper()
	variables = append([]string{"CLIENTS_NATS_URL=" + url}, variables...)
	setup := run(t, variables, "setup", "--sources")
	require.Zero(t, setup.code, setup.stderr)
	var replicas []*service
	for range n {
		replicas = append(replicas, launch(t, variables...))
	}
	for _, s := range replicas {
		s.awaitReady(t)
	}
	return replicas
}

// startExternal runs one replica of the service on one external NATS server.
func startExternal(t testing.TB, variables ...string) *service {
	t.Helper()
	return startReplicas(t, 1, natstest.Run(t, 1).URL(), append([]string{"CLIENTS_STREAM_REPLICAS=1"}, variables...)...)[0]
}

// launch starts the process on free ports and does not wait for it. It is killed when the test ends, and what it wrote is
// shown if the test failed.
func launch(t testing.TB, variables ...string) *service {
	t.Helper()
	return launchProgram(t, serviceOf(t), variables...)
}

// launchProgram is launch of another build of the program.
func launchProgram(t testing.TB, program string, variables ...string) *service {
	t.Helper()
	s, err := execute(program, t.TempDir(), variables)
	require.NoError(t, err)
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("%v wrote\n%s%s", variables, &s.stdout, &s.stderr)
		}
	})
	return s
}

// execute starts the process on free ports, with a home directory.
func execute(program, home string, variables []string) (*service, error) {
	s := prepare(program, home, variables)
	return s, s.begin()
}

// prepare returns a process that begin starts.
func prepare(program, home string, variables []string) *service {
	s := &service{cmd: exec.Command(program, "serve"), variables: variables, exited: make(chan struct{})}
	s.cmd.Env = environment(home, append([]string{
		"CLIENTS_HTTP_ADDR=127.0.0.1:0", "CLIENTS_OPS_ADDR=127.0.0.1:0", "CLIENTS_LOG_LEVEL=warn", "CLIENTS_LOG_FORMAT=text",
	}, variables...))
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	return s
}

func (s *service) begin() error {
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() { defer close(s.exited); _ = s.cmd.Wait() }()
	return nil
}

// environment is all that a process of the program sees of the test's environment, and variables.
func environment(home string, variables []string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
	if raceEnabled { // without the second for which each process would wait at its end
		env = append(env, "GORACE=halt_on_error=1 atexit_sleep_ms=0")
	}
	return append(env, variables...)
}

// banner and readyLine find the addresses in what a service prints when it is ready, as text or as JSON at level info.
var (
	banner    = regexp.MustCompile(`(?s)API +(https?://[^/ ]+)/clients.*operations +(http://[0-9.:]+)/readyz.*NATS +(\S+), stream.*Try it:`)
	readyLine = regexp.MustCompile(`"msg":"ready".*"api":"(.*?)".*"operations":"(.*?)".*"nats":"(.*?)"`)
)

// awaitReady waits until the service is ready and fails if it exits.
func (s *service) awaitReady(t testing.TB) {
	t.Helper()
	s.awaitReadyWithin(t, timeout)
}

// awaitReadyWithin is awaitReady of a service that may take longer than others.
func (s *service) awaitReadyWithin(t testing.TB, limit time.Duration) {
	t.Helper()
	var found []string
	eventuallyWithin(t, limit, func() bool {
		if found = banner.FindStringSubmatch(s.stdout.String()); found == nil {
			found = readyLine.FindStringSubmatch(s.stderr.String())
		}
		return found != nil || s.hasExited()
	}, "the service becomes ready")
	require.NotNil(t, found, "the service exited: %s%s", &s.stdout, &s.stderr)
	s.client, s.ops, s.nats = newClient(t, found[1]), found[2], found[3]
}

// operations requests path of the operations endpoints.
func (s *service) operations(path string) response {
	s.t.Helper()
	return s.at(s.ops).do(http.MethodGet, path, "")
}

// metric returns the sum of all samples of a metric, 0 if there is none. labels, such as `type="a"`, restrict them.
func (s *service) metric(name string, labels ...string) float64 {
	s.t.Helper()
	return sumOfSamples(s.t, s.operations("/metrics").body, name, labels)
}

func (s *service) hasExited() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// kill ends the process as kill -9 does.
func (s *service) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// signal sends a signal, such as SIGSTOP and SIGCONT.
func (s *service) signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(signal))
}

// stop sends SIGTERM and returns the exit code.
func (s *service) stop(t testing.TB) int {
	t.Helper()
	s.signal(t, syscall.SIGTERM)
	return s.exitCode(t)
}

// exitLimit is how long a process may take to exit, with five seconds for a busy machine.
const exitLimit = 30 * time.Second

// exitCode waits until the process has exited by itself.
func (s *service) exitCode(t testing.TB) int {
	t.Helper()
	select {
	case <-s.exited:
	case <-time.After(exitLimit):
		require.Fail(t, "the service does not exit", "%s%s", &s.stdout, &s.stderr)
	}
	return s.cmd.ProcessState.ExitCode()
}

// restart starts a service again that has exited, with the same data directory and settings.
func (s *service) restart(t testing.TB, variables ...string) *service {
	t.Helper()
	return startIn(t, s.dataDir, append(s.variables, variables...)...)
}

// again starts a service with an external NATS again that has exited, with the same settings.
func (s *service) again(t testing.TB, variables ...string) *service {
	t.Helper()
	next := launch(t, append(s.variables, variables...)...)
	next.awaitReady(t)
	return next
}

// output is what a process has written so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (o *output) contains(text string) bool { return strings.Contains(o.String(), text) }

// peakMemory returns the largest resident set that the process has had, in bytes.
func (s *service) peakMemory(t testing.TB) int64 { return memory(t, s.cmd.Process.Pid, "VmHWM") }

// memory returns a field of what Linux says about a process, in bytes.
func memory(t testing.TB, pid int, field string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	found := regexp.MustCompile(field + `:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, found, "%s", status)
	kilobytes, err := strconv.ParseInt(string(found[1]), 10, 64)
	require.NoError(t, err)
	return kilobytes << 10
}
