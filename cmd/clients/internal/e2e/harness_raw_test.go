package e2e_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wire is a connection on which a test writes requests byte by byte.
type wire struct {
	net.Conn
	t       *testing.T
	replies *bufio.Reader
}

// dial connects to base, such as http://127.0.0.1:8080. The connection is closed when the test ends.
func dial(t *testing.T, base string) *wire {
	t.Helper()
	u, err := url.Parse(base)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", u.Host)
	require.NoError(t, err)
	return onConn(t, conn)
}

func onConn(t *testing.T, conn net.Conn) *wire {
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(timeout)))
	return &wire{Conn: conn, t: t, replies: bufio.NewReader(conn)}
}

// write sends text as it is.
func (w *wire) write(text string) {
	w.t.Helper()
	_, err := io.WriteString(w, text)
	require.NoError(w.t, err)
}

// read returns the next response.
func (w *wire) read() response {
	w.t.Helper()
	r, err := http.ReadResponse(w.replies, nil)
	require.NoError(w.t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	require.NoError(w.t, err)
	return response{r.StatusCode, r.Header, string(body)}
}

// requireClosed waits until the service has closed the connection, and fails if it sends anything before that.
func (w *wire) requireClosed() {
	w.t.Helper()
	_, err := w.replies.ReadByte()
	require.ErrorIs(w.t, err, io.EOF)
}
