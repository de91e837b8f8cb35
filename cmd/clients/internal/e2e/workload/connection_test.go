package workload

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// dropper is a server that handles a request by its path: /respond responds, /drop closes the connection without a
// response, and /close closes it after the response, without announcing that.
type dropper struct {
	net.Listener
	mu     sync.Mutex
	seen   []string
	closed chan struct{} // one for each connection
}

func newDropper(t *testing.T) *dropper {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &dropper{Listener: listener, closed: make(chan struct{}, 100)}
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
		d.closed <- struct{}{}
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
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
		if request.URL.Path == "/close" {
			return
		}
	}
}

func (d *dropper) requests() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.seen, ", ")
}

func (d *dropper) connection(keep bool) *connection {
	host := d.Addr().String()
	a := new(address)
	a.Store(&host)
	return &connection{address: a, keep: keep}
}

func get(t *testing.T, c *connection, path string, headers ...string) error {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://"+c.address.host()+path, nil)
	require.NoError(t, err)
	for _, header := range headers {
		request.Header.Set(header, "x")
	}
	_, _, err = c.do(request)
	return err
}

// net/http repeats such a request, which is why the workload has its own connections.
func TestARequestThatIsDroppedIsNotRepeated(t *testing.T) {
	d := newDropper(t)
	c := d.connection(true)
	for _, header := range []string{"X-None", "Idempotency-Key"} {
		require.NoError(t, get(t, c, "/respond"))
		require.Equal(t, "connection: unexpected EOF", failure(0, nil, get(t, c, "/drop", header)))
	}
	require.Equal(t, "GET /respond, GET /drop, GET /respond, GET /drop", d.requests())

	usual := newDropper(t)
	for _, path := range []string{"/respond", "/drop"} {
		response, err := http.Get("http://" + usual.Addr().String() + path)
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
	}
	require.Equal(t, 2, strings.Count(usual.requests(), "/drop"), "net/http no longer repeats: this package can use it")
}

func TestAConnectionThatWasClosedWhileIdleIsReplaced(t *testing.T) {
	d := newDropper(t)
	c := d.connection(true)
	for range 50 {
		require.NoError(t, get(t, c, "/close"))
		<-d.closed
	}
}

func TestConnectionsAreKeptOrNot(t *testing.T) {
	for keep, connections := range map[bool]int{true: 1, false: 10} {
		d := newDropper(t)
		c := d.connection(keep)
		for range 10 {
			require.NoError(t, get(t, c, "/respond"))
		}
		c.drop()
		for range connections {
			<-d.closed
		}
		require.Empty(t, d.closed)
	}
	d := newDropper(t)
	require.NoError(t, d.Close())
	require.Contains(t, failure(0, nil, get(t, d.connection(true), "/respond")), "connection: dial: ")
}
