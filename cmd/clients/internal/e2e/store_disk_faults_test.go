//go:build diskfaults

package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// The tests of this file mount file systems and trace processes: they run as root, on Linux, with strace. .ci/run runs
// them with the build tag diskfaults.

// mountDisk mounts a disk of a size in MiB for the test.
func mountDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", size)))
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fillDisk uses all space of a disk and returns a function that releases it.
func fillDisk(t *testing.T, disk string) (release func()) {
	t.Helper()
	name := filepath.Join(disk, "filler")
	file, err := os.Create(name)
	require.NoError(t, err)
	defer file.Close()
	for size := 1 << 20; size > 0; {
		if _, err := file.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	return func() { require.NoError(t, os.Remove(name)) }
}

// writer creates clients one after the other until it is stopped, and returns the names of those that were acknowledged.
func writer(s *service) (stop func() []string) {
	quit, done := make(chan struct{}), make(chan []string)
	go func() {
		var acknowledged []string
		for i := 0; ; i++ {
			select {
			case <-quit:
				done <- acknowledged
				return
			default:
			}
			name := fmt.Sprintf("Client %d", i)
			body := fmt.Sprintf(`{"client":{"name":%q,"details":%q}}`, name, strings.Repeat("x", 20_000))
			if r, err := s.send(http.MethodPost, "/clients", body, asJSON); err == nil && r.status == http.StatusCreated {
				acknowledged = append(acknowledged, name)
			}
		}
	}()
	return func() []string { close(quit); return <-done }
}

// requireNames fails unless the service has clients of all names.
func (s *service) requireNames(names []string) {
	s.t.Helper()
	list := s.want(http.StatusOK, http.MethodGet, "/clients", "", acceptJSON).body
	for _, name := range names {
		require.Contains(s.t, list, fmt.Sprintf("%q", name))
	}
}

func TestAFullDiskMakesTheServiceReadOnly(t *testing.T) {
	t.Parallel()
	disk := mountDisk(t, 24)
	s := startIn(t, filepath.Join(disk, "data"))
	write := writer(s)
	s.requireReadOnly(t, "disk full") // by what is stored itself
	acknowledged := write()
	require.Greater(t, len(acknowledged), 500)
	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=48m"))
	s = s.requireRecovery(t)
	s.requireNames(acknowledged)
}

func TestADiskThatIsFullAtOnceMakesTheServiceReadOnly(t *testing.T) {
	t.Parallel()
	disk := mountDisk(t, 24)
	s := startIn(t, filepath.Join(disk, "data"))
	for range 3 { // what a restart leaves has to bear the next time
		write := writer(s)
		eventually(t, func() bool { return s.metric("clients_events_appended_total") > 10 }, "clients are created")
		release := fillDisk(t, disk)
		s.requireReadOnly(t, "disk full")
		acknowledged := write()
		release()
		s = s.requireRecovery(t)
		s.requireNames(acknowledged)
	}
	s.kill()
	require.NoError(t, os.Remove(filepath.Join(s.dataDir, "nats-address")))
	release := fillDisk(t, disk)
	s = s.restart(t) // on a full disk
	s.requireReadOnly(t, "disk full")
	release()
	s = s.requireRecovery(t)
	eventually(t, func() bool { return run(t, nil, "events", "--data-dir", s.dataDir).code == 0 }, "subcommands find the server")
}

// On a full disk a service starts, and does not complete an erasure that was interrupted. A start with room does.
func TestAStartOnAFullDiskLeavesAnErasureForLater(t *testing.T) {
	t.Parallel()
	disk := mountDisk(t, 24)
	s := startIn(t, filepath.Join(disk, "data"))
	var erased texts
	id := s.createDeleted(&erased)
	js := s.administrator(t)
	command := s.beginErasure(id)
	require.NoError(t, command.Process.Signal(syscall.SIGSTOP))
	stream, err := js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	require.NoError(t, stream.DeleteMsg(t.Context(), 1)) // not overwritten, as after a kill
	if err := js.DeleteStream(t.Context(), "OBJ_CLIENTS_SNAPSHOTS"); err != nil {
		require.ErrorIs(t, err, jetstream.ErrStreamNotFound) // the command has done it
	}
	s.kill()
	require.NoError(t, command.Process.Kill())
	_ = command.Wait()
	block := filepath.Join(s.dataDir, "nats", "jetstream", "$G", "streams", "CLIENTS", "msgs", "1.blk")
	write(t, block+".tmp", erased[0])

	release := fillDisk(t, disk)
	s = s.restart(t)
	s.requireReadOnly(t, "disk full")
	require.True(t, s.stderr.contains("deleted messages not overwritten"), &s.stderr)
	require.NoFileExists(t, block+".tmp")
	release()
	eventually(t, func() bool { return s.operations("/readyz").body == "ok\n" }, "it accepts writes again")
	r := s.erase(id)
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "start it again")
	require.NotEmpty(t, erased.find(t, s.dataDir))
	require.InDelta(t, 1, s.metric("clients_erasures_unfinished"), 0)
	require.Zero(t, s.stop(t))
	s = s.restart(t)
	require.Empty(t, erased.find(t, s.dataDir))
	require.InDelta(t, 0, s.metric("clients_erasures_unfinished"), 0)
}

// On a full disk an erasure does not begin, so that the service does not run into it.
func TestAnErasureNeedsRoomOnTheDisk(t *testing.T) {
	t.Parallel()
	disk := mountDisk(t, 24)
	s := startIn(t, filepath.Join(disk, "data"))
	var erased texts
	id := s.createDeleted(&erased)
	release := fillDisk(t, disk)
	r := s.erase(id)
	require.Equal(t, 1, r.code)
	require.Regexp(t, `^error: erase: disk full: 0 KiB free, \d+ KiB are needed to overwrite messages\nhint: free space on the disk of \S+, and run this again\n$`, r.stderr)
	release()
	eventually(t, func() bool { return s.operations("/readyz").body == "ok\n" }, "it accepts writes again")
	r = s.erase(id)
	require.Zero(t, r.code, r.stderr)
}

// requireRecovery waits until the service accepts writes again, or has exited and was started again, as a supervisor does.
func (s *service) requireRecovery(t *testing.T) *service {
	t.Helper()
	eventually(t, func() bool {
		if s.hasExited() {
			require.Equal(t, 1, s.exitCode(t))
			require.True(t, s.stderr.contains("refuses writes although the disk has room"))
			s = s.restart(t)
		}
		r, err := s.send(http.MethodPost, "/clients", `{"client":{"name":"after"}}`, asJSON)
		return err == nil && r.status == http.StatusCreated
	}, "writes are accepted again")
	require.Equal(t, "ok\n", s.operations("/readyz").body)
	return s
}

// A server that could not sync refuses all further writes. Acknowledged writes exist after a restart.
func TestAFailedSyncEndsTheProcess(t *testing.T) {
	t.Parallel()
	s := start(t)
	for range 4 {
		write := writer(s)
		eventually(t, func() bool { return s.metric("clients_events_appended_total") > 10 }, "clients are created")
		trace(t, s, "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=7+100")
		begun := time.Now()
		eventually(t, func() bool {
			r, err := s.at(s.ops).send(http.MethodGet, "/readyz", "")
			return err != nil || r.status == http.StatusServiceUnavailable
		}, "the service is not ready")
		require.Less(t, time.Since(begun), 10*time.Second)
		require.Equal(t, 1, s.exitCode(t))
		require.True(t, s.stderr.contains("refuses writes although the disk has room"))
		acknowledged := write()
		s = s.restart(t)
		s.requireNames(acknowledged)
	}
}

// trace lets strace act upon a running service until the test ends, and returns when it has begun.
func trace(t *testing.T, s *service, args ...string) {
	t.Helper()
	var stderr output
	cmd := exec.Command("strace", append([]string{"-f", "-o", "/dev/null", "-p", fmt.Sprint(s.cmd.Process.Pid)}, args...)...)
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGINT); _ = cmd.Wait() })
	eventually(t, func() bool { return stderr.contains("attached") }, "strace is attached: %s", &stderr)
}

// A first start that ends at any of its steps leaves a data directory that the next start uses.
func TestAFirstStartThatEndsAtAnyStepLeavesAStoreThatStarts(t *testing.T) {
	t.Parallel()
	calls := regexp.MustCompile(`(?m)^\d+ +(mkdirat|renameat|fsync)\(`)
	dir := filepath.Join(t.TempDir(), "data")
	log := filepath.Join(t.TempDir(), "log")
	s := launchTraced(t, dir, "-o", log, "-e", "trace=mkdirat,renameat,fsync")
	s.awaitReady(t)
	s.kill()
	content, err := os.ReadFile(log)
	require.NoError(t, err)
	count := make(map[string]int)
	for _, call := range calls.FindAllStringSubmatch(string(content), -1) {
		count[call[1]]++
	}
	require.Len(t, count, 3)
	for call, n := range count {
		for i := 1; i <= n; i += 3 {
			require.NoError(t, os.RemoveAll(dir))
			killed := launchTraced(t, dir, "-o", "/dev/null", "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, i))
			eventually(t, func() bool { return killed.hasExited() || banner.MatchString(killed.stdout.String()) }, "it ends at %s %d", call, i)
			killed.kill()
			startIn(t, dir).kill()
		}
	}
}

// launchTraced starts the service under strace, which ends with it.
func launchTraced(t *testing.T, dir string, args ...string) *service {
	t.Helper()
	program := script(t, fmt.Sprintf(`exec strace -D -f -qq %s -- %s "$@"`, strings.Join(args, " "), binary))
	return launchProgram(t, program, "CLIENTS_DATA_DIR="+dir, "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0")
}

// On a slow disk callers wait, and every command has a known outcome. Without t.Parallel, because a slow processor would add to that.
func TestASlowDiskLeavesNoOutcomeUnknown(t *testing.T) {
	s := start(t)
	trace(t, s, "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:delay_exit=100ms")
	var created, refused, unknown, notReady atomic.Int64
	var callers sync.WaitGroup
	end := time.Now().Add(6 * time.Second)
	for i := range 20 {
		callers.Go(func() {
			for n := 0; time.Now().Before(end); n++ {
				headers := []string{asJSON}
				if i < 4 {
					headers = append(headers, fmt.Sprintf("Idempotency-Key: %d-%d", i, n))
				}
				r, err := s.send(http.MethodPost, "/clients", `{"client":{"name":"SuprCorp"}}`, headers...)
				switch {
				case err == nil && r.status == http.StatusCreated:
					created.Add(1)
				case err == nil && !strings.Contains(r.body, "may have been"):
					refused.Add(1)
				default:
					unknown.Add(1)
				}
			}
		})
	}
	callers.Go(func() {
		for time.Now().Before(end) {
			if r, err := s.at(s.ops).send(http.MethodGet, "/readyz", ""); err != nil || r.body != "ok\n" {
				notReady.Add(1)
			}
			time.Sleep(firstPause)
		}
	})
	callers.Wait()
	require.Zero(t, unknown.Load())
	require.Zero(t, notReady.Load())
	require.Greater(t, created.Load(), int64(60))
	require.Less(t, refused.Load(), created.Load())
}
