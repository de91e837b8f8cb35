package connections_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"clients/transport/connections"

	"github.com/stretchr/testify/require"
)

// serve runs a server with limits. A request for /login logs in, and one for /wait gets its response when release is closed.
func serve(t *testing.T, limits connections.Limits) (addr string, release chan struct{}) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	release = make(chan struct{})
	server := &http.Server{ReadHeaderTimeout: time.Minute, IdleTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			connections.LoggedIn(r.Context(), time.Now().Add(time.Minute))
		case "/wait":
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-release
		}
	})}
	listener := connections.Limit(inner, limits)
	listener.Attach(server)
	ended := make(chan error)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	return inner.Addr().String(), release
}

// peer is a caller's end of a connection.
type peer struct {
	t *testing.T
	net.Conn
	replies *bufio.Reader
}

func dial(t *testing.T, addr string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return &peer{t, conn, bufio.NewReader(conn)}
}

func (p *peer) send(path string) {
	p.t.Helper()
	_, err := fmt.Fprintf(p, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	require.NoError(p.t, err)
}

func (p *peer) receive() (body io.Reader) {
	p.t.Helper()
	response, err := http.ReadResponse(p.replies, nil)
	require.NoError(p.t, err)
	require.Equal(p.t, http.StatusOK, response.StatusCode)
	return response.Body
}

// begin returns when the server is handling the request.
func (p *peer) begin(path string) (body io.Reader) {
	p.t.Helper()
	p.send(path)
	return p.receive()
}

func (p *peer) get(path string) {
	p.t.Helper()
	p.send(path)
	p.receive()
}

// requireClosed waits until the server has closed the connection.
func (p *peer) requireClosed() {
	p.t.Helper()
	_, err := p.replies.ReadByte()
	require.True(p.t, errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET), "%v", err)
}

// requireOpen fails if the server has closed the connection within a moment.
func (p *peer) requireOpen(moment time.Duration) {
	p.t.Helper()
	require.NoError(p.t, p.SetReadDeadline(time.Now().Add(moment)))
	_, err := p.replies.ReadByte()
	require.ErrorIs(p.t, err, os.ErrDeadlineExceeded)
	require.NoError(p.t, p.SetReadDeadline(time.Now().Add(20*time.Second)))
}

func TestAnonymousConnectionsEndWhenIdle(t *testing.T) {
	t.Parallel()
	const idle = time.Second
	addr, _ := serve(t, connections.Limits{Max: 10, Anonymous: 5, AnonymousIdle: idle})
	in := dial(t, addr)
	in.get("/login")
	silent, asked, slow := dial(t, addr), dial(t, addr), dial(t, addr)
	asked.get("/")
	_, err := io.WriteString(slow, "GET / HTTP/1.1\r\nX-Slow: ")
	require.NoError(t, err)
	for _, p := range []*peer{silent, asked, slow} {
		p.requireClosed()
	}
	in.requireOpen(2 * idle)
	in.get("/")
}

func TestAnAnonymousConnectionMakesRoomForAnother(t *testing.T) {
	t.Parallel()
	addr, _ := serve(t, connections.Limits{Max: 10, Anonymous: 3, AnonymousIdle: time.Minute})
	in := dial(t, addr)
	in.get("/login")
	busy := dial(t, addr)
	busy.begin("/wait")
	oldest, other := dial(t, addr), dial(t, addr)
	dial(t, addr).get("/")
	oldest.requireClosed()
	other.requireOpen(10 * time.Millisecond)
	dial(t, addr).get("/")
	other.requireClosed()
	busy.requireOpen(10 * time.Millisecond)
	in.get("/")
}

func TestLoggedInConnectionsAreClosedLast(t *testing.T) {
	t.Parallel()
	addr, release := serve(t, connections.Limits{Max: 4, Anonymous: 2, AnonymousIdle: time.Minute})
	var in []*peer
	for range 3 {
		p := dial(t, addr)
		p.get("/login")
		in = append(in, p)
	}
	anonymous := dial(t, addr)
	anonymous.get("/")
	in = append(in, dial(t, addr))
	in[3].get("/login")
	anonymous.requireClosed()
	body := in[0].begin("/wait")
	next := dial(t, addr) // waits until a connection has been idle for long enough
	next.get("/login")
	closed := 0
	for _, p := range in[1:] {
		_, _ = fmt.Fprint(p, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := http.ReadResponse(p.replies, nil); err != nil {
			closed++
		}
	}
	require.Equal(t, 1, closed)
	close(release)
	_, err := io.ReadAll(body)
	require.NoError(t, err)
}

func TestAConnectionWaitsWhileAllOthersAreBusy(t *testing.T) {
	t.Parallel()
	addr, release := serve(t, connections.Limits{Max: 3})
	var busy []*peer
	for range 3 {
		p := dial(t, addr)
		p.begin("/wait")
		busy = append(busy, p)
	}
	next := dial(t, addr)
	next.send("/")
	next.requireOpen(50 * time.Millisecond)
	require.NoError(t, busy[0].Close())
	close(release)
	next.receive()
}

func TestAListenerThatIsClosedAcceptsNoMore(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener := connections.Limit(inner, connections.Limits{Max: 1})
	server := &http.Server{}
	listener.Attach(server)
	dial(t, inner.Addr().String())
	accepted, err := listener.Accept()
	require.NoError(t, err)
	server.ConnState(accepted, http.StateActive)
	dial(t, inner.Addr().String())
	time.AfterFunc(20*time.Millisecond, func() { _ = listener.Close() })
	_, err = listener.Accept() // waits, since the first one is busy
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, accepted.Close())
}
