package natstest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Process is a server in a process of its own, which can be killed or paused at any moment.
type Process struct {
	Name    string
	URL     string
	options processOptions
	cmd     *exec.Cmd
}

// processVariable is the environment variable that makes a test binary run a server. It contains a processOptions as JSON.
const processVariable = "NATSTEST_PROCESS"

type processOptions struct {
	Name, Client, Route, StoreDir string
	Routes                        []string
}

// Main runs a server and does not return if RunProcesses started the test binary as one. Otherwise it returns at once. TestMain
// has to call it.
func Main() {
	given := os.Getenv(processVariable)
	if given == "" {
		return
	}
	var o processOptions
	if err := json.Unmarshal([]byte(given), &o); err != nil {
		panic(err)
	}
	options := &server.Options{
		ServerName: o.Name, Host: "127.0.0.1", JetStream: true, StoreDir: o.StoreDir, SyncAlways: true, NoLog: true, NoSigs: true,
		Port: portOf(o.Client),
	}
	if len(o.Routes) > 1 {
		options.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: portOf(o.Route)}
		for _, route := range o.Routes {
			options.Routes = append(options.Routes, &url.URL{Scheme: "nats", Host: route})
		}
	}
	s, err := server.NewServer(options)
	if err != nil {
		panic(err)
	}
	s.Start()
	if s.Addr() == nil {
		panic(fmt.Sprintf("server %s cannot listen at %s", o.Name, o.Client))
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent process
	os.Exit(0)
}

func portOf(address string) (port int) {
	_, _ = fmt.Sscanf(address, "127.0.0.1:%d", &port)
	return port
}

// RunProcesses starts a cluster of n servers, or one alone, as processes, which end with the test. It returns when JetStream is
// ready on every server. The TestMain of the tests has to call Main.
func RunProcesses(t testing.TB, n int) []*Process {
	t.Helper()
	var dirs []string
	for range n {
		dirs = append(dirs, t.TempDir())
	}
	return RunProcessesIn(t, dirs...)
}

// RunProcessesIn is like RunProcesses, with one server for each of the folders, in which it stores its streams.
func RunProcessesIn(t testing.TB, dirs ...string) []*Process {
	t.Helper()
	n := len(dirs)
	addresses, release := freeAddresses(t, 2*n)
	clients, routes := addresses[:n], addresses[n:]
	var all []*Process
	for i, dir := range dirs {
		o := processOptions{Name: fmt.Sprintf("n%d", i+1), Client: clients[i], Route: routes[i], StoreDir: dir, Routes: routes}
		p := &Process{Name: o.Name, URL: "nats://" + o.Client, options: o}
		release(i)
		release(n + i)
		p.start(t)
		t.Cleanup(p.Kill)
		all = append(all, p)
	}
	for _, p := range all {
		require.Eventually(t, func() bool { return p.ready() }, startLimit, 50*time.Millisecond)
	}
	return all
}

func (p *Process) start(t testing.TB) {
	t.Helper()
	given, err := json.Marshal(p.options)
	require.NoError(t, err)
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), processVariable+"="+string(given))
	p.cmd.Stderr = os.Stderr
	_, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
}

// Kill kills the process with SIGKILL. Restart starts it again with the same store.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// Restart starts the server again and returns when JetStream is ready.
func (p *Process) Restart(t testing.TB) {
	t.Helper()
	p.start(t)
	require.Eventually(t, p.ready, startLimit, 50*time.Millisecond)
}

func (p *Process) ready() bool {
	nc, err := nats.Connect(p.URL)
	if err != nil {
		return false
	}
	defer nc.Close()
	reply, err := nc.Request("$JS.API.INFO", nil, time.Second)
	var info jetstream.AccountInfo
	return err == nil && json.Unmarshal(reply.Data, &info) == nil && !strings.Contains(string(reply.Data), `"error"`)
}

// StoreDir returns the folder in which the server stores its streams.
func (p *Process) StoreDir() string { return p.options.StoreDir }

// PID returns the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Pause suspends the process with SIGSTOP.
func (p *Process) Pause() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume continues a paused process.
func (p *Process) Resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }
