package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"clients/cmd/clients/internal/config"
	"clients/cmd/clients/internal/natsconn"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// externalSettings are the test's config.Config with an external NATS.
func externalSettings(t *testing.T, replicas int, nats natsconn.Settings) config.Config {
	s := testSettings(t)
	s.NATS, s.StreamReplicas = nats, replicas
	return s
}

// sources creates the streams of the other services, as they do.
func (p *tap) sources() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for name, subject := range map[string]string{"PROJECTS": "projects.*.*", "INVOICES": "invoices.*.*"} {
		_, err := p.js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{subject}})
		require.NoError(p.t, err)
	}
}

// background is a command line that runs within the test until it is told to stop.
type background struct {
	stdout, stderr syncBuffer
	stop           context.CancelFunc
	code           chan int
}

// serveInBackground starts the service on free ports and the data directory dir, with further flags.
func serveInBackground(t *testing.T, dir string, flags ...string) *background {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	b := &background{stop: stop, code: make(chan int, 1)}
	args := append([]string{"serve", "--http-addr=127.0.0.1:0", "--ops-addr=127.0.0.1:0", "--data-dir=" + dir}, flags...)
	ended := make(chan struct{})
	go func() { defer close(ended); b.code <- run(ctx, args, &b.stdout, &b.stderr) }()
	t.Cleanup(func() {
		stop()
		<-ended
		if t.Failed() {
			t.Logf("%v wrote\n%s%s", args, &b.stdout, &b.stderr)
		}
	})
	return b
}

// ready waits until the service says that it is ready, and answers a caller of it.
func (b *background) ready(t *testing.T) *caller {
	t.Helper()
	var found []string
	eventually(t, "the service says that it is ready", func() bool {
		found = greeting.FindStringSubmatch(b.stdout.String())
		return found != nil
	})
	return newCaller(t, found[1])
}

// end stops the service and answers its exit code.
func (b *background) end() int {
	b.stop()
	return <-b.code
}

// said tells whether the log holds text.
func (b *background) said(text string) bool { return strings.Contains(b.stderr.String(), text) }

// unusedDir is a data directory that is not there, and should not be made.
func unusedDir(t *testing.T) string { return filepath.Join(t.TempDir(), "data") }
