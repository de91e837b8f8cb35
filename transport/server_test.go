package transport_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"clients/transport"

	"github.com/stretchr/testify/require"
)

// serveLimited serves with the limits of a real server, except for shorter deadlines.
func serveLimited(t *testing.T, shorter time.Duration) (addr string) {
	t.Helper()
	server := transport.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	}), slog.New(slog.DiscardHandler))
	for _, deadline := range []*time.Duration{&server.ReadHeaderTimeout, &server.ReadTimeout, &server.WriteTimeout, &server.IdleTimeout} {
		require.Positive(t, *deadline)
		require.LessOrEqual(t, *deadline, 2*time.Minute)
		*deadline /= shorter
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

// drip sends text and then one x after the other, as long as the connection is open. It returns the response.
func drip(t *testing.T, addr, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	gone := make(chan struct{})
	go func() {
		for _, err := io.WriteString(conn, "x"); err == nil; _, err = io.WriteString(conn, "x") {
			select {
			case <-gone:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	response, err := io.ReadAll(conn)
	close(gone)
	if err != nil {
		require.NotErrorIs(t, err, io.ErrUnexpectedEOF)
		require.NotContains(t, err.Error(), "timeout", "the server has kept the connection")
	}
	return string(response)
}

func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	addr := serveLimited(t, 25)
	for name, text := range map[string]string{
		"a header that does not end":  "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"a body that does not come":   "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
		"a request that never begins": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotContains(t, drip(t, addr, text), "200 OK")
		})
	}
	t.Run("a second request that does not come", func(t *testing.T) {
		t.Parallel()
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		responses := bufio.NewReader(conn)
		response, err := http.ReadResponse(responses, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode)
		_, err = responses.ReadByte()
		require.ErrorIs(t, err, io.EOF)
	})
}

// largestHeader is the limit of the server in bytes.
const largestHeader = 16 << 10

func TestHeadersThatAreTooLarge(t *testing.T) {
	t.Parallel()
	addr := serveLimited(t, 1)
	status := func(header string) int {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer conn.Close()
		go func() { _, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", header) }()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		return response.StatusCode
	}
	require.Equal(t, http.StatusOK, status("X-Large: "+strings.Repeat("x", largestHeader/2)))
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, status("X-Large: "+strings.Repeat("x", 2*largestHeader)))
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, status(strings.Repeat("X-Many: x\r\n", largestHeader/5)+"X: x"))
	require.Equal(t, http.StatusOK, status("Authorization: Basic "+strings.Repeat("x", largestHeader/2)))
}
