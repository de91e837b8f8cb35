package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary act as lock, or as the command that lock runs, in the processes that the tests start.
func TestMain(m *testing.M) {
	switch os.Getenv("LOCK_TEST") {
	case "lock":
		os.Setenv("LOCK_TEST", "command")
		main()
	case "command":
		os.Stdout.WriteString("running as " + strings.Join(os.Args[1:], " ") + "\n")
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(7)
	default:
		os.Exit(m.Run())
	}
}

// locked is a process that holds the lock of a file or waits for it.
type locked struct {
	t       *testing.T
	cmd     *exec.Cmd
	running chan string
	stdin   func() error
	stderr  string // the path of what it writes there
}

func start(t *testing.T, args ...string) *locked {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	for i, arg := range args {
		args[i] = strings.Replace(arg, "SELF", self, 1)
	}
	l := &locked{t: t, cmd: exec.Command(self, args...), running: make(chan string, 1), stderr: filepath.Join(t.TempDir(), "stderr")}
	l.cmd.Env = append(os.Environ(), "LOCK_TEST=lock")
	stderr, err := os.Create(l.stderr)
	require.NoError(t, err)
	defer stderr.Close()
	l.cmd.Stderr = stderr
	stdin, err := l.cmd.StdinPipe()
	require.NoError(t, err)
	l.stdin = stdin.Close
	out, err := l.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, l.cmd.Start())
	t.Cleanup(func() { _ = l.cmd.Process.Kill(); _ = l.cmd.Wait() })
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		l.running <- line
	}()
	return l
}

func (l *locked) runs() string {
	l.t.Helper()
	select {
	case line := <-l.running:
		return line
	case <-time.After(10 * time.Second):
		require.Fail(l.t, "the command does not run")
		return ""
	}
}

func (l *locked) written() string {
	l.t.Helper()
	content, err := os.ReadFile(l.stderr)
	require.NoError(l.t, err)
	return string(content)
}

func (l *locked) waits() {
	l.t.Helper()
	require.Eventually(l.t, func() bool { return strings.Contains(l.written(), "is held by another process") }, 10*time.Second, time.Millisecond)
	select {
	case line := <-l.running:
		require.Fail(l.t, "the command runs although the lock is held", line)
	case <-time.After(300 * time.Millisecond):
	}
}

func (l *locked) kill() {
	require.NoError(l.t, l.cmd.Process.Kill())
	_ = l.cmd.Wait()
}

func TestSecondProcessWaitsUntilTheFirstIsKilled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	first := start(t, file, "SELF", "first", "-x")
	require.Equal(t, "running as first -x\n", first.runs())
	second := start(t, file, "SELF", "second")
	second.waits()
	first.kill()
	require.Equal(t, "running as second\n", second.runs())
	third := start(t, file, "SELF", "third")
	third.waits()
	second.kill()
	third.runs()
	third.kill()
	require.Empty(t, first.written())
	require.Equal(t, 1, strings.Count(third.written(), "\n"), third.written())
	require.Contains(t, third.written(), file+" is held by another process")
}

// The command replaces the process: it receives its signals, and its exit code is the exit code of the process.
func TestCommandReplacesTheProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	ends := start(t, file, "SELF")
	ends.runs()
	require.NoError(t, ends.stdin())
	require.Error(t, ends.cmd.Wait())
	require.Equal(t, 7, ends.cmd.ProcessState.ExitCode())

	terminated := start(t, file, "SELF")
	terminated.runs()
	require.NoError(t, terminated.cmd.Process.Signal(syscall.SIGTERM))
	require.Error(t, terminated.cmd.Wait())
	require.Equal(t, syscall.SIGTERM, terminated.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
}

func TestSIGTERMEndsTheWait(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	start(t, file, "SELF").runs()
	waiting := start(t, file, "SELF")
	waiting.waits()
	require.NoError(t, waiting.cmd.Process.Signal(syscall.SIGTERM))
	require.Error(t, waiting.cmd.Wait())
}

func TestErrors(t *testing.T) {
	folder := t.TempDir()
	for message, args := range map[string][]string{
		"usage: lock FILE COMMAND":  {folder + "/lock"},
		"executable file not found": {folder + "/lock", "no-such-command"},
		"no such file or directory": {folder + "/none/lock", "SELF"},
	} {
		l := start(t, args...)
		require.Error(t, l.cmd.Wait())
		require.Equal(t, 1, l.cmd.ProcessState.ExitCode())
		require.Contains(t, l.written(), message)
	}
}
