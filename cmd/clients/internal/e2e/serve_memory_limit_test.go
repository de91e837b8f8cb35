//go:build !race

package e2e_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// memoryLimit is GOMEMLIMIT in the tests of memory, as the Deployment sets it.
const memoryLimit = 460 * mebibyte

// requireWithinMemory fails if the process has ever used more than its limit.
func (s *service) requireWithinMemory(t *testing.T) {
	t.Helper()
	peak := s.peakMemory(t)
	t.Logf("peak of the resident set: %d MiB", peak/mebibyte)
	require.Less(t, peak, int64(memoryLimit))
}

// requireServed creates and reads clients for a while, and requires that 99 of 100 requests take less than a second, or on a
// busy machine less than ten times as long as before the attack.
func (c *client) requireServed(t *testing.T, before time.Duration) {
	t.Helper()
	p99 := c.p99(t, 400)
	t.Logf("p99 %s, before the attack %s", p99, before)
	require.Less(t, p99, max(time.Second, 10*before))
}

// p99 creates and reads clients for a while and returns how long 99 of 100 requests took at most.
func (c *client) p99(t *testing.T, requests int) time.Duration {
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
	return durations[len(durations)*99/100]
}

func TestUnfinishedBodiesStayWithinTheMemoryLimit(t *testing.T) {
	unfinished := bytes.Repeat([]byte(" "), mebibyte-1)
	for name, header := range map[string]string{"with a length": "Content-Length: 1048576\r\n\r\n", "in chunks": "Transfer-Encoding: chunked\r\n\r\n100000\r\n"} {
		t.Run(name, func(t *testing.T) {
			s := start(t, fmt.Sprintf("GOMEMLIMIT=%d", memoryLimit))
			s.create("SuprCorp")
			before := s.on(t).p99(t, 80)
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
			s.on(t).requireServed(t, before)
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
	before := s.p99(t, 80)
	readers := make([]*wire, 600) // which read nothing
	for i := range readers {
		readers[i] = dial(t, s.base)
		require.NoError(t, readers[i].Conn.(*net.TCPConn).SetReadBuffer(4<<10))
		readers[i].write("GET /clients HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	eventually(t, func() bool { return s.metric("clients_http_outcomes_total", `outcome="held_off"`) > 0 }, "lists are refused")
	s.requireServed(t, before)
	s.requireWithinMemory(t)
}

// A list of 10 MB is kept, and read by a caller that stops reading it, at each of 60 revisions.
func TestReadersOfOldListsStayWithinTheMemoryLimit(t *testing.T) {
	s := start(t, fmt.Sprintf("GOMEMLIMIT=%d", memoryLimit))
	ids := make([]int64, 500)
	for i := range ids {
		ids[i] = s.createFrom("<name>A</name><details>" + strings.Repeat("x", 20<<10) + "</details>")
	}
	for i := range 60 {
		s.update(ids[i], "<name>B</name>")
		for range 3 {
			s.want(http.StatusOK, http.MethodGet, "/clients", "")
		}
		w := dial(t, s.base)
		require.NoError(t, w.Conn.(*net.TCPConn).SetReadBuffer(4<<10))
		w.write("GET /clients HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	s.requireWithinMemory(t)
}

// Pipelined requests fill the buffers of the kernel, so that responses wait for their reader.
func TestReadersOfLargeClientsStayWithinTheMemoryLimit(t *testing.T) {
	s := start(t, fmt.Sprintf("GOMEMLIMIT=%d", memoryLimit))
	s.create("SuprCorp")
	large := "<client><name>A</name><details>" + strings.Repeat("&amp;", 64<<10) + "</details></client>"
	location := s.want(http.StatusCreated, http.MethodPost, "/clients", large, asXML).header.Get("Location")
	for range 200 { // readers, which read nothing
		w := dial(t, s.base)
		require.NoError(t, w.Conn.(*net.TCPConn).SetReadBuffer(4<<10))
		w.write(strings.Repeat("GET "+location+" HTTP/1.1\r\nHost: localhost\r\n\r\n", 50))
	}
	eventually(t, func() bool { return s.metric("clients_http_outcomes_total", `outcome="held_off"`) > 0 }, "large responses are refused")
	s.requireWithinMemory(t)
	eventually(t, func() bool {
		return s.want(http.StatusOK, http.MethodGet, "/clients/1", "", "Accept-Encoding: gzip").header.Get("Content-Encoding") == ""
	}, "a small response is not compressed when there is no memory for it")
}

// A collector that runs whenever a small heap has doubled takes a sixth of the processor time.
func TestTheCollectorLeavesASmallHeapAlone(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 400, start(t).metric("go_gc_gogc_percent"), 0)
	require.InDelta(t, 50, start(t, "GOGC=50").metric("go_gc_gogc_percent"), 0)
}
