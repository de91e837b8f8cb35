package e2e_test

import (
	"crypto/tls"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// A subcommand that cannot use NATS says why within seconds, and a backup that fails leaves no folder.
func TestSubcommandsReportWhyTheyCannotUseNATS(t *testing.T) {
	t.Parallel()
	files, _ := certificate(t)
	authority, key := certificateFiles(files)
	pair, err := tls.LoadX509KeyPair(authority, key)
	require.NoError(t, err)
	secure := natstest.Run(t, 2, func(o *server.Options) {
		o.TLSConfig, o.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}, true
		o.Username, o.Password = "user", "sesame"
		o.ClientAdvertise = "127.0.0.1:1" // not reachable, as the addresses of pods through a forwarded port
	}).Servers[0].ClientURL()
	empty := natstest.Run(t, 1).URL()
	folder := filepath.Join(t.TempDir(), "backup")
	for _, c := range []struct {
		args   []string
		reason string
	}{
		{[]string{"setup", "--nats-url", secure}, "certificate signed by unknown authority\nhint: CLIENTS_NATS_CA names"},
		{[]string{"verify", "--nats-url", secure}, "certificate signed by unknown authority\nhint: CLIENTS_NATS_CA names"},
		{[]string{"verify", "--nats-url", withUser(secure, "user:other"), "--nats-ca", authority}, ": login rejected\n"},
		{[]string{"verify", "--nats-url", "127.0.0.1:1"}, "cannot connect to NATS at nats://127.0.0.1:1: connection refused\n"},
		{[]string{"backup", folder, "--nats-url", "127.0.0.1:1"}, "cannot connect to NATS at nats://127.0.0.1:1: connection refused\n"},
		{[]string{"backup", folder, "--nats-url", empty}, "stream not found"},
	} {
		begun := time.Now()
		r := run(t, nil, c.args...)
		require.Equal(t, 1, r.code, c.args)
		require.Contains(t, r.stderr, c.reason, c.args)
		require.NotContains(t, r.stderr, "--data-dir", c.args)
		require.Less(t, time.Since(begun), 20*time.Second, c.args)
		require.NoDirExists(t, folder)
	}
}

func TestAnInterruptedSetupSaysWhatItWaitedFor(t *testing.T) {
	t.Parallel()
	waiting := exec.Command(binary, "setup", "--nats-url", "127.0.0.1:1")
	var printed output
	waiting.Stderr = &printed
	require.NoError(t, waiting.Start())
	eventually(t, func() bool { return printed.contains("waiting for NATS") }, "it reports that it waits")
	require.NoError(t, waiting.Process.Signal(syscall.SIGINT))
	require.Error(t, waiting.Wait())
	require.Equal(t, 1, waiting.ProcessState.ExitCode())
	require.True(t, printed.contains("error: cannot connect to NATS at nats://127.0.0.1:1: connection refused\n"), printed.String())
}

// Streams of other services are made smaller where there is less room, down to 16 MiB.
func TestSetupReportsServersWithoutRoom(t *testing.T) {
	t.Parallel()
	servers := natstest.Run(t, 1, func(o *server.Options) { o.JetStreamMaxStore = 24 << 20 })
	r := run(t, nil, "setup", "--sources", "--stream-replicas", "1", "--nats-url", servers.URL())
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "error: stream INVOICES: ")
	require.Contains(t, r.stderr, "insufficient storage resources available")
	require.NotContains(t, r.stderr, "waiting for NATS", "at once")
}
