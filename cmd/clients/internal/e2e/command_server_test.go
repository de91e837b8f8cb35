package e2e_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// Every subcommand finds and logs in to the embedded server of a service, with and without logins of other services.
func TestSubcommandsFindTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	logins := "CLIENTS_CREDENTIALS_DIR=" + credentials(t, bcrypt.MinCost, "ann:sesame")
	for name, settings := range map[string][]string{
		"port 0": nil, "off, with logins": {logins, "CLIENTS_EMBEDDED_NATS_ADDR=off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, settings...)
			variables := []string{"CLIENTS_DATA_DIR=" + s.dataDir}
			if slices.Contains(settings, logins) {
				s.client = s.as("ann:sesame")
				variables = append(variables, "CLIENTS_IMPORT_LOGIN=ann:sesame")
			}
			s.create("SuprCorp")
			bad(t, s, 2)
			folder := t.TempDir()
			export := filepath.Join(folder, "clients.json")
			for _, command := range []struct {
				args, prints string
				code         int
			}{
				{"setup --sources", `"msg":"stream exists","stream":"PROJECTS"`, 0},
				{"events", "ClientCreated", 0},
				{"export --json -o " + export, "", 0},
				{"import --url " + s.base + " " + export, "", 0},
				{"quarantine list", "projects.default.8", 0},
				{"quarantine show 1", "hello", 0},
				{"quarantine retry --all", "", 1},
				{"quarantine drop 1", "1: dropped", 0},
				{"verify", "", 0},
				{"backup " + filepath.Join(folder, "backup"), "", 0},
				{"restore " + filepath.Join(folder, "backup"), "--data-dir or --nats-url: required", 2},
			} {
				r := run(t, variables, strings.Fields(command.args)...)
				require.Equal(t, command.code, r.code, "%s: %s%s", command.args, r.stdout, r.stderr)
				require.Contains(t, r.stdout+r.stderr, command.prints, command.args)
			}
			require.Zero(t, run(t, nil, "events", "--data-dir", s.dataDir).code)
		})
	}
}

// bad publishes n invalid messages and waits until they are in quarantine.
func bad(t *testing.T, s *service, n int) {
	t.Helper()
	js := s.administrator(t)
	for range n {
		_, err := js.Publish(t.Context(), "projects.default.8", []byte("hello"))
		require.NoError(t, err)
	}
	eventually(t, func() bool { return s.metric("clients_quarantined_total") >= float64(n) }, "the messages are in quarantine")
}

func TestSubcommandsOfAnotherUnixUserNameTheFile(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	s, program := start(t), reachable(t)
	asAnother := func(command string) result {
		return runAs(t, []string{"CLIENTS_DATA_DIR=" + s.dataDir}, func(cmd *exec.Cmd) {
			cmd.Path, cmd.Dir = program, filepath.Dir(program)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}, strings.Fields(command)...)
	}
	require.Contains(t, asAnother("verify --data-dir "+s.dataDir).stderr, filepath.Join(s.dataDir, "lock")+": permission denied\n")
	for _, file := range []string{"nats-address", "admin-password"} {
		for _, command := range []string{"events", "export", "quarantine list", "quarantine retry --all", "verify", "setup", "backup ./backup"} {
			r := asAnother(command)
			require.Equal(t, 1, r.code, command)
			require.Contains(t, r.stderr, filepath.Join(s.dataDir, file)+": permission denied", command)
		}
		// the next file, where the data directory and the first one may be read
		for dir := s.dataDir; dir != "/"; dir = filepath.Dir(dir) {
			info, err := os.Stat(dir)
			require.NoError(t, err)
			if info.Mode().Perm()&1 == 0 {
				require.NoError(t, os.Chmod(dir, info.Mode().Perm()|0o055))
			}
		}
		require.NoError(t, os.Chmod(filepath.Join(s.dataDir, "nats-address"), 0o644))
		require.NoError(t, os.Chmod(filepath.Join(s.dataDir, "lock"), 0o644))
	}
}

// reachable returns the path of the program in a folder that every user may use.
func reachable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "clients-e2e-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	program := filepath.Join(dir, "clients")
	require.NoError(t, os.Link(binary, program)) // a copy may be busy: what other tests start has its descriptor for a moment
	return program
}

// A subcommand sends the password only to a running service.
func TestSubcommandsSendNoPasswordWithoutAService(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_EMBEDDED_NATS_ADDR="+natstest.FreeAddress(t))
	variables := []string{"CLIENTS_DATA_DIR=" + s.dataDir}
	s.kill()
	listener, err := net.Listen("tcp", s.dataFile(t, "nats-address")) // which was left behind
	require.NoError(t, err)
	defer listener.Close()
	connected := make(chan struct{}, 1)
	go func() {
		if conn, err := listener.Accept(); err == nil {
			conn.Close()
			connected <- struct{}{}
		}
	}()
	for _, dir := range []string{s.dataDir, filepath.Join(t.TempDir(), "none")} {
		r := run(t, append(variables, "CLIENTS_DATA_DIR="+dir), "events")
		require.Equal(t, 1, r.code)
		require.Contains(t, r.stderr, "no service runs there", r.stderr)
		require.Contains(t, r.stderr, dir)
	}
	require.Empty(t, connected)
}

// While a service starts, a subcommand does not send the password to the address of the previous one.
func TestAStartRemovesTheAddressOfThePreviousOne(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.create("SuprCorp")
	s.kill()
	require.NotEmpty(t, s.dataFile(t, "nats-address"))
	flip(t, blocks(t, filepath.Join(s.dataDir, "nats"))[0], "SuprCorp") // which ends the start
	next := launch(t, "CLIENTS_DATA_DIR="+s.dataDir, "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0")
	require.Equal(t, 1, next.exitCode(t))
	require.NoFileExists(t, filepath.Join(s.dataDir, "nats-address"))
}

// A subcommand checks whether the data directory is in use, which takes its lock for an instant.
func TestSubcommandsDoNotPreventAStart(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.kill()
	variables := []string{"CLIENTS_DATA_DIR=" + s.dataDir}
	var started atomic.Bool
	var looking sync.WaitGroup
	looking.Go(func() {
		for !started.Load() {
			run(t, variables, "quarantine", "list")
		}
	})
	for range 3 {
		s = s.restart(t)
		s.kill()
	}
	started.Store(true)
	looking.Wait()
}
