package kubernetes_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// startNATS starts a single server as the overlay demo configures it, with an empty store.
func startNATS(t *testing.T) *server.Server {
	t.Helper()
	options := natsOptions(t, "demo", "nats-0")
	require.True(t, options.SyncAlways)
	require.Len(t, options.Routes, 3)
	return startAlone(t, options)
}

// startAlone starts a single server in place of the three.
func startAlone(t *testing.T, options *server.Options) *server.Server {
	t.Helper()
	options.JetStreamMaxStore *= 3
	options.Cluster, options.Routes = server.ClusterOpts{}, nil
	return startServer(t, options)
}

func startServer(t *testing.T, options *server.Options) *server.Server {
	t.Helper()
	options.Host, options.Port, options.HTTPPort, options.StoreDir = "127.0.0.1", server.RANDOM_PORT, 0, t.TempDir()
	options.NoSigs, options.NoLog, options.PidFile = true, true, ""
	s, err := server.NewServer(options)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(30*time.Second))
	return s
}

func password(user string) string { return user + "-demo" }

// urlFor returns the URLs of servers with the login of a user.
func urlFor(user string, servers ...*server.Server) string {
	var urls []string
	for _, s := range servers {
		urls = append(urls, fmt.Sprintf("nats://%s:%s@%s", user, password(user), s.Addr()))
	}
	return strings.Join(urls, ",")
}

// connect connects as a user, without further options except for the service, which has its own inbox prefix.
func connect(t *testing.T, s *server.Server, user string) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	options := []nats.Option{nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})} // expected violations are not printed
	if strings.HasPrefix(user, "clients") {
		options = append(options, nats.CustomInboxPrefix("_INBOX_clients"))
	}
	nc, err := nats.Connect(urlFor(user, s), options...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(5*time.Second))
	require.NoError(t, err)
	return nc, js
}

var buildClients = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "clients")
	program := filepath.Join(folder, "clients")
	if err == nil {
		err = exec.Command("go", "build", "-C", "../..", "-o", program, "./cmd/clients").Run()
	}
	return program, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if program, err := buildClients(); err == nil {
		_ = os.RemoveAll(filepath.Dir(program))
	}
	if folder, err := certificateFolder(); err == nil {
		_ = os.RemoveAll(folder)
	}
	os.Exit(code)
}

func clients(t *testing.T, url string, args ...string) *exec.Cmd {
	t.Helper()
	program, err := buildClients()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, args...)
	replicas := 1 + strings.Count(url, ",")
	cmd.Env = append(os.Environ(), "CLIENTS_NATS_URL="+url, fmt.Sprintf("CLIENTS_STREAM_REPLICAS=%d", replicas))
	return cmd
}

// run runs a subcommand and returns its output.
func run(t *testing.T, url string, args ...string) (string, error) {
	t.Helper()
	out, err := clients(t, url, args...).CombinedOutput()
	return string(out), err
}

// service is a running process of the service, on free ports, which logs into a file.
type service struct {
	api, file string
	cmd       *exec.Cmd
}

// readyLine finds the address of the API in the log of a service.
var readyLine = regexp.MustCompile(`"msg":"ready".*"api":"(.*?)"`)

// serve starts the service and waits until it is ready.
func serve(t *testing.T, url string) *service {
	t.Helper()
	s := &service{file: filepath.Join(t.TempDir(), "log"), cmd: clients(t, url, "serve")}
	log, err := os.Create(s.file)
	require.NoError(t, err)
	defer log.Close()
	s.cmd.Env = append(s.cmd.Env, "CLIENTS_HTTP_ADDR=127.0.0.1:0", "CLIENTS_OPS_ADDR=127.0.0.1:0", "CLIENTS_LOG_FORMAT=json")
	s.cmd.Stderr = log
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	for limit := time.Now().Add(30 * time.Second); s.api == ""; time.Sleep(20 * time.Millisecond) {
		if found := readyLine.FindStringSubmatch(s.log(t)); found != nil {
			s.api = found[1]
		}
		require.True(t, time.Now().Before(limit), "the service is not ready: %s", s.log(t))
	}
	return s
}

func (s *service) log(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(s.file)
	require.NoError(t, err)
	return string(content)
}

// status returns the status of a response, or zero without a response.
func status(url string) int {
	response, err := (&http.Client{Timeout: 5 * time.Second}).Get(url)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

// stop stops the service and returns its log.
func (s *service) stop(t *testing.T) string {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, s.cmd.Wait())
	return s.log(t)
}

func (s *service) send(t *testing.T, method, path, body string, header ...string) int {
	t.Helper()
	request, err := http.NewRequest(method, s.api+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	response.Body.Close()
	return response.StatusCode
}

// freeAddress returns an address whose port no system gives to an outgoing connection or to a listener on port 0.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_768)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		require.NoError(t, err)
		defer listener.Close()
		return listener.Addr().String()
	}
}
