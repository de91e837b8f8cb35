package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// result is what a subcommand left behind.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a subcommand to its end, with variables as its environment.
func run(t testing.TB, variables []string, args ...string) result {
	t.Helper()
	return runAs(t, variables, nil, args...)
}

// runAs is run with a change to the command, such as the Unix user that runs it.
func runAs(t testing.TB, variables []string, change func(*exec.Cmd), args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var stdout, stderr output
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = environment(t.TempDir(), variables), &stdout, &stderr, t.TempDir()
	if change != nil {
		change(cmd)
	}
	err := cmd.Run()
	require.NoError(t, ctx.Err(), "clients %v does not end", args)
	if cmd.ProcessState == nil {
		require.NoError(t, err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// closedOutput gives a command a standard output whose reader is gone.
func closedOutput(t testing.TB) func(*exec.Cmd) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	t.Cleanup(func() { _ = w.Close() })
	return func(cmd *exec.Cmd) { cmd.Stdout = w }
}

// script writes a shell script, which can be started at once: no process that is started meanwhile has its descriptor, with which it
// would be busy.
func script(t testing.TB, content string) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "script")
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"+content+"\n"), 0o700))
	return program
}

// linesOf returns the lines of what a process wrote.
func linesOf(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }

// external runs a program that is not the service, and returns what it printed.
func external(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout/2)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = environment(t.TempDir(), nil)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
