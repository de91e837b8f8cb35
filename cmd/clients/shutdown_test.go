package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestShutdownFailsReadinessFirst(t *testing.T) {
	t.Parallel()
	p := spawn(t, filepath.Join(t.TempDir(), "data"), "CLIENTS_SHUTDOWN_DELAY=3s")
	id := p.named("SuprCorp")
	p.terminate(t)
	ops := p.at(p.opsURL)
	eventually(t, "readiness fails", func() bool {
		got, err := ops.send("GET", "/readyz", "")
		return err == nil && got.status == http.StatusServiceUnavailable
	})
	require.Equal(t, 200, ops.do("GET", "/livez", "").status)
	response, err := http.Get(p.base + "/clients")
	require.NoError(t, err)
	response.Body.Close()
	require.True(t, response.Close, "who keeps his connection is told to leave it")
	fresh := newCaller(t, p.base) // whoever has not heard of it is served meanwhile
	require.Equal(t, "SuprCorp", fresh.get(id).Name)
	fresh.update(id, "<name>Still served</name>")
	require.Zero(t, p.exitCode(t))
	_, err = net.Dial("tcp", strings.TrimPrefix(p.base, "http://"))
	require.Error(t, err)
}

func TestShutdownLetsTheRequestInFlightFinish(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	p := spawn(t, dir)
	addr := strings.TrimPrefix(p.base, "http://")
	slow, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer slow.Close()
	const body = "<client><name>In flight</name></client>"
	_, err = fmt.Fprintf(slow, "POST /clients HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(body))
	require.NoError(t, err)
	answers := bufio.NewReader(slow)
	line, err := answers.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "100 Continue", "the handler is under way")
	_, err = answers.ReadString('\n')
	require.NoError(t, err)

	p.terminate(t)
	eventually(t, "nobody else is let in", func() bool {
		other, err := net.Dial("tcp", addr)
		if err == nil {
			other.Close()
		}
		return err != nil
	})
	require.False(t, p.gone())
	_, err = io.WriteString(slow, body)
	require.NoError(t, err)
	response, err := http.ReadResponse(answers, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, response.StatusCode)
	require.Zero(t, p.exitCode(t))
	require.Equal(t, []string{"In flight"}, names(spawn(t, dir).list("")))
}

func TestShutdownIsQuickWithoutRequests(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := spawn(t, dir)
		p.named("SuprCorp")
		begun := time.Now()
		require.NoError(t, p.cmd.Process.Signal(signal))
		require.Zero(t, p.exitCode(t))
		require.Less(t, time.Since(begun), 10*time.Second)
		require.NotContains(t, p.stderr.String(), "level=ERROR")
		require.NotContains(t, p.stderr.String(), `"level":"ERROR"`)
	}
	require.Len(t, spawn(t, dir).list(""), 2)
}

// A second signal ends the process at once, whatever it waits for.
func TestShutdownGivesInToASecondSignal(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	p := spawn(t, dir, "CLIENTS_SHUTDOWN_DELAY=10s")
	id := p.named("SuprCorp")
	p.terminate(t)
	eventually(t, "readiness fails", func() bool {
		got, err := p.at(p.opsURL).send("GET", "/readyz", "")
		return err == nil && got.status == http.StatusServiceUnavailable
	})
	begun := time.Now()
	eventually(t, "the process ends", func() bool { _ = p.cmd.Process.Signal(syscall.SIGTERM); return p.gone() })
	require.Less(t, time.Since(begun), 8*time.Second)
	require.Equal(t, "SuprCorp", spawn(t, dir).get(id).Name)
}
