package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"clients/cmd/clients/internal/config"

	"github.com/stretchr/testify/require"
)

// The end-to-end tests of the service: each file holds one subject and speaks to a service as its users do, over HTTP
// and NATS. harness_*_test.go is what they share: app runs the service within the test, process runs the real binary
// (for what concerns signals, crashes and exit codes), caller makes requests, tap looks at the stream.

// app is a service that runs within the test.
type app struct {
	*caller
	*service
	logged *syncBuffer
}

// launch starts a service on free ports and a data directory of its own. It is stopped when the test ends.
func launch(t *testing.T) *app {
	t.Helper()
	return launchWith(t, testSettings(t))
}

// launchWith starts a service with settings of the test's own.
func launchWith(t *testing.T, settings config.Config) *app {
	t.Helper()
	a := &app{logged: &syncBuffer{}}
	log := slog.New(slog.NewTextHandler(a.logged, &slog.HandlerOptions{Level: settings.LogLevel}))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var err error
	a.service, err = start(ctx, settings, log)
	require.NoError(t, err, "start: %s", a.logged)
	a.caller = newCaller(t, "http://"+a.apiAddr())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the service:\n%s", a.logged)
		}
		a.quit()
	})
	return a
}

// testSettings are the defaults but for the addresses, the place of the data and a quiet log.
func testSettings(t *testing.T) config.Config {
	return config.Config{
		HTTPAddr:         "127.0.0.1:0",
		OpsAddr:          "127.0.0.1:0",
		DataDir:          filepath.Join(t.TempDir(), "data"),
		EmbeddedNATSAddr: "127.0.0.1:0",
		StreamReplicas:   1,
		DefaultCurrency:  "United States Dollars - USD",
		LogLevel:         slog.LevelWarn,
		LogFormat:        "text",
	}
}

// quit stops the service, once.
func (a *app) quit() {
	if a.service != nil {
		a.http.CloseIdleConnections()
		_ = a.service.stop()
		a.service = nil
	}
}

// relaunch stops the service and starts another one on its data.
func (a *app) relaunch() *app {
	a.t.Helper()
	settings := a.settings
	a.quit()
	return launchWith(a.t, settings)
}

// ops asks the operations endpoints.
func (a *app) ops(path string) answer {
	a.t.Helper()
	return a.at("http://"+a.opsAddr()).do(http.MethodGet, path, "")
}

// runInProcess runs the command line args to its end, which has to come by itself.
func runInProcess(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, err syncBuffer
	code = run(ctx, args, &out, &err)
	require.NoError(t, ctx.Err(), "clients %v did not end by itself", args)
	return code, out.String(), err.String()
}

// How long a test waits for what has to happen, and how often it looks.
const (
	patience = 20 * time.Second
	glance   = 5 * time.Millisecond
)

// eventually waits until what is told has happened.
func eventually(t *testing.T, told string, happened func() bool) {
	t.Helper()
	require.Eventually(t, happened, patience, glance, told)
}

// syncBuffer is a buffer that can be read while others write to it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
