package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dropper is a server that does to a request what its path says: /answer it, /drop it with its connection, or /close the
// connection after the answer, without a word of that in it.
type dropper struct {
	net.Listener
	mu   sync.Mutex
	seen []string
	shut chan struct{} // one for each connection that is closed
}

func newDropper(t *testing.T) *dropper {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &dropper{Listener: listener, shut: make(chan struct{}, 100)}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go d.serve(conn)
		}
	}()
	return d
}

func (d *dropper) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		d.shut <- struct{}{}
	}()
	for in := bufio.NewReader(conn); ; {
		request, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		d.mu.Lock()
		d.seen = append(d.seen, request.Method+" "+request.URL.Path)
		d.mu.Unlock()
		if request.URL.Path == "/drop" {
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"))
		if request.URL.Path == "/close" {
			return
		}
	}
}

func (d *dropper) requests() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.seen...)
}

func (d *dropper) caller(keeps bool) *caller {
	l := &load{}
	l.counter.next("test", false, time.Now())
	address := d.Addr().String()
	return &caller{load: l, host: address, connection: connection{address: address, kept: keeps}}
}

// What net/http does is what the load must not: it is the reason for a connection of its own.
func TestARequestThatIsDroppedIsNotSentAgain(t *testing.T) {
	d := newDropper(t)
	c := d.caller(kept)
	for _, r := range []request{{method: "GET", path: "/drop"}, {method: "POST", path: "/drop", body: "{}", key: "a key"}, {method: "DELETE", path: "/drop"}} {
		_, ok := c.ask(request{method: "GET", path: "/answer"}, http.StatusOK)
		require.True(t, ok)
		a, ok := c.ask(r, http.StatusOK)
		require.False(t, ok)
		require.Equal(t, "sent, and not answered", a.failed(http.StatusOK))
	}
	require.Equal(t, []string{"GET /answer", "GET /drop", "GET /answer", "POST /drop", "GET /answer", "DELETE /drop"}, d.requests())
	require.Equal(t, map[string]int{"sent, and not answered": 3}, c.load.counter.current.why)
	require.Equal(t, 6, c.load.counter.current.requests)

	usual := newDropper(t)
	for _, path := range []string{"/answer", "/drop"} {
		answer, err := new(http.Client).Get("http://" + usual.Addr().String() + path)
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
	}
	require.Equal(t, 2, strings.Count(strings.Join(usual.requests(), "\n"), "/drop"), "net/http no longer repeats: this package can use it")
}

func TestAConnectionThatWasClosedMeanwhileIsMadeAnewBeforeAnythingIsSent(t *testing.T) {
	d := newDropper(t)
	c := d.caller(kept)
	for range 50 {
		_, ok := c.ask(request{method: "POST", path: "/close", body: "{}"}, http.StatusOK)
		require.True(t, ok)
		<-d.shut
	}
	require.Len(t, d.requests(), 50)
	require.Zero(t, c.load.counter.current.failures)
	require.Equal(t, 49, c.load.counter.current.reconnects)
}

func TestCallersKeepAConnectionOrTakeAnotherForEachRequest(t *testing.T) {
	for keeps, connections := range map[bool]int{kept: 1, fresh: 10} {
		d := newDropper(t)
		c := d.caller(keeps)
		for range 10 {
			_, ok := c.ask(request{method: "GET", path: "/answer"}, http.StatusOK)
			require.True(t, ok)
		}
		c.drop()
		for range connections {
			<-d.shut
		}
		require.Empty(t, d.shut)
		require.Zero(t, c.load.counter.current.reconnects)
	}
}

func TestAServerThatIsNotThereIsAFailure(t *testing.T) {
	d := newDropper(t)
	require.NoError(t, d.Close())
	a, ok := d.caller(kept).ask(request{method: "GET", path: "/answer"}, http.StatusOK)
	require.False(t, ok)
	require.Contains(t, a.failed(http.StatusOK), "dial: ")
}
