package transport

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

	"github.com/stretchr/testify/require"
)

// serveLimited serves with the limits of a real server, but for its deadlines, which are shorter.
func serveLimited(t *testing.T, shorter time.Duration) (addr string) {
	t.Helper()
	server := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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

// drip sends text and then, for as long as somebody listens, one x after the other. It answers what came back.
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
	answer, err := io.ReadAll(conn)
	close(gone)
	if err != nil {
		require.NotErrorIs(t, err, io.ErrUnexpectedEOF)
		require.NotContains(t, err.Error(), "timeout", "the server has not given up")
	}
	return string(answer)
}

func TestNobodyHoldsAConnectionByDoingNothing(t *testing.T) {
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
		answers := bufio.NewReader(conn)
		response, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode)
		_, err = answers.ReadByte()
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestHeadersThatAreTooLarge(t *testing.T) {
	t.Parallel()
	addr := serveLimited(t, 1)
	ask := func(header string) int {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer conn.Close()
		go func() { _, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", header) }()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		return response.StatusCode
	}
	require.Equal(t, http.StatusOK, ask("X-Large: "+strings.Repeat("x", maxHeaderBytes/2)))
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, ask("X-Large: "+strings.Repeat("x", 2*maxHeaderBytes)))
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, ask(strings.Repeat("X-Many: x\r\n", maxHeaderBytes/5)+"X: x"))
	require.Equal(t, http.StatusOK, ask("Authorization: Basic "+strings.Repeat("x", maxHeaderBytes/2)))
}
