package e2e_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// memoryLimit is GOMEMLIMIT in the tests of memory, as the Deployment sets it.
const memoryLimit = 460 * mebibyte

// peakMemory returns the largest resident set that the process has had, in bytes.
func (s *service) peakMemory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	require.NoError(t, err)
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, found, "%s", status)
	kilobytes, err := strconv.ParseInt(string(found[1]), 10, 64)
	require.NoError(t, err)
	return kilobytes << 10
}

// requireWithinMemory fails if the process has ever used more than its limit. The race detector needs a multiple of that.
func (s *service) requireWithinMemory(t *testing.T) {
	t.Helper()
	peak := s.peakMemory(t)
	t.Logf("peak of the resident set: %d MiB", peak/mebibyte)
	if !raceEnabled {
		require.Less(t, peak, int64(memoryLimit))
	}
}

// requireServed creates and reads clients for a while, and wants 99 of 100 requests to take less than a second.
func (c *client) requireServed(t *testing.T, requests int) {
	t.Helper()
	var mu sync.Mutex
	var durations []time.Duration
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range requests / 8 {
				for _, call := range []struct {
					method, body string
					want         int
				}{{http.MethodPost, "<client><name>Valid</name></client>", http.StatusCreated}, {http.MethodGet, "", http.StatusOK}} {
					path := map[string]string{http.MethodPost: "/clients", http.MethodGet: "/clients/1"}[call.method]
					begun := time.Now()
					r, err := c.send(call.method, path, call.body, asXML)
					took := time.Since(begun)
					if err != nil || r.status != call.want {
						t.Errorf("%s %s: %d %v", call.method, path, r.status, err)
						return
					}
					mu.Lock()
					durations = append(durations, took)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, durations, requests/8*8)
	slices.Sort(durations)
	p99 := durations[len(durations)*99/100]
	t.Logf("p50 %s, p99 %s", durations[len(durations)/2], p99)
	if !raceEnabled { // the race detector makes the attack cost a multiple as well
		require.Less(t, p99, time.Second)
	}
}

func TestUnfinishedBodiesStayWithinTheMemoryLimit(t *testing.T) {
	t.Parallel()
	unfinished := bytes.Repeat([]byte(" "), mebibyte-1)
	for name, header := range map[string]string{"with a length": "Content-Length: 1048576\r\n\r\n", "in chunks": "Transfer-Encoding: chunked\r\n\r\n100000\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, fmt.Sprintf("GOMEMLIMIT=%d", memoryLimit))
			s.create("SuprCorp")
			var wg sync.WaitGroup
			for range 600 {
				wg.Go(func() {
					conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
					if err != nil {
						t.Error(err)
						return
					}
					t.Cleanup(func() { _ = conn.Close() })
					_ = conn.SetDeadline(time.Now().Add(timeout))
					_, _ = conn.Write([]byte("POST /clients HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\n" + header))
					_, _ = conn.Write(unfinished) // a refused one may be closed by now
				})
			}
			wg.Wait()
			s.on(t).requireServed(t, 400)
			s.requireWithinMemory(t)
			refused := dial(t, s.base)
			refused.write("POST /clients HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\nContent-Length: 1048576\r\n\r\n")
			r := refused.read() // before the body is there
			require.Equal(t, http.StatusServiceUnavailable, r.status)
			require.NotEmpty(t, r.header.Get("Retry-After"))
		})
	}
}

func TestListReadersStayWithinTheMemoryLimit(t *testing.T) {
	t.Parallel()
	s := start(t, fmt.Sprintf("GOMEMLIMIT=%d", memoryLimit))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 60 {
				body := "<client><name>A</name><details>" + strings.Repeat("x", 20<<10) + "</details></client>"
				r, err := s.send(http.MethodPost, "/clients", body, asXML)
				if err != nil || r.status != http.StatusCreated {
					t.Errorf("%d %v", r.status, err)
				}
			}
		})
	}
	wg.Wait()
	readers := make([]*wire, 600) // which read nothing
	for i := range readers {
		readers[i] = dial(t, s.base)
		require.NoError(t, readers[i].Conn.(*net.TCPConn).SetReadBuffer(4<<10))
		readers[i].write("GET /clients HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	eventually(t, func() bool { return s.metric("clients_http_outcomes_total", `outcome="held_off"`) > 0 }, "lists are refused")
	s.requireServed(t, 400)
	s.requireWithinMemory(t)
}

// Pipelined requests fill the buffers of the kernel, so that responses wait for their reader.
func TestReadersOfLargeClientsStayWithinTheMemoryLimit(t *testing.T) {
	t.Parallel()
	s := start(t, fmt.Sprintf("GOMEMLIMIT=%d", memoryLimit))
	s.create("SuprCorp")
	large := "<client><name>A</name><details>" + strings.Repeat("&amp;", 64<<10) + "</details></client>"
	location := s.want(http.StatusCreated, http.MethodPost, "/clients", large, asXML).header.Get("Location")
	for range 850 { // readers, which read nothing
		w := dial(t, s.base)
		require.NoError(t, w.Conn.(*net.TCPConn).SetReadBuffer(4<<10))
		w.write(strings.Repeat("GET "+location+" HTTP/1.1\r\nHost: localhost\r\n\r\n", 50))
	}
	eventually(t, func() bool { return s.metric("clients_http_outcomes_total", `outcome="held_off"`) > 0 }, "large responses are refused")
	s.requireServed(t, 400)
	s.requireWithinMemory(t)
	small := s.want(http.StatusOK, http.MethodGet, "/clients/1", "", "Accept-Encoding: gzip")
	require.Empty(t, small.header.Get("Content-Encoding"), "there is no memory for a compressor")
}

// limited returns a program that is the service with a number of file descriptors.
func limited(t *testing.T, descriptors int) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "limited")
	content := fmt.Sprintf("#!/bin/sh\nulimit -n %d && exec '%s' \"$@\"\n", descriptors, binary)
	require.NoError(t, os.WriteFile(script, []byte(content), 0o700))
	return script
}

func TestIdleConnectionsDoNotUseUpTheDescriptors(t *testing.T) {
	t.Parallel()
	certificate, trust := certificate(t)
	begun := map[string]string{
		"nothing":            "",
		"half a header":      "GET /clients HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
		"half a body":        "POST /clients HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n<client>",
		"half a handshake":   "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"requests in a row":  strings.Repeat("GET /clients HTTP/1.1\r\nHost: localhost\r\n\r\n", 10),
		"a wrong login only": "GET /clients HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YW5uYTp3cm9uZw==\r\n\r\n",
	}
	for name, variables := range map[string][]string{
		"with logins": {logins(t)}, "with logins over TLS": append(certificate, logins(t)), "without logins": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := launchProgram(t, limited(t, 300), append(variables, "CLIENTS_EMBEDDED_NATS_ADDR=127.0.0.1:0", "CLIENTS_DATA_DIR="+filepath.Join(t.TempDir(), "data"))...)
			s.awaitReady(t)
			c := s.client.on(t).as("anna:secret").trusting(t, trust)
			var dials int
			c.http.Transport.(*http.Transport).DialContext = counting(&dials)
			c.create("SuprCorp") // on a connection that stays
			for what, text := range begun {
				if variables == nil && what != "nothing" && what != "requests in a row" {
					continue // without logins a request under way is not cut off
				}
				for range 200 {
					conn := dial(t, s.base)
					_, _ = conn.Write([]byte(text)) // it may be closed already
				}
				begun := time.Now()
				newcomer := s.client.on(t).as("anna:secret").trusting(t, trust)
				newcomer.create("Newcomer")
				require.Less(t, time.Since(begun), 8*time.Second, what) // idle ones live for 10 s
			}
			for range 40 {
				dial(t, s.ops)
			}
			require.Equal(t, http.StatusOK, s.at(s.ops).on(t).do(http.MethodGet, "/readyz", "").status)
			c.create("SuprCorp")
			if variables != nil {
				require.Equal(t, 1, dials, "the connection that has logged in is still open")
			}
		})
	}
}
