package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// request returns a call that makes one HTTP request over a kept connection and reads its answer, at as little cost of
// its own as can be: what is measured is the server. Any number of goroutines may call it at once.
func request(b *testing.B, addr, method, path, body string, want int) func() error {
	b.Helper()
	raw := rawRequest(method, path, body)
	return requests(b, addr, want, func() string { return raw })
}

func rawRequest(method, path, body string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
}

// requests is request, each with a text of its own.
func requests(b *testing.B, addr string, want int, next func() string) func() error {
	b.Helper()
	const most = 128 // connections
	idle := make(chan *connection, most)
	for range most {
		conn, err := net.Dial("tcp", addr)
		require.NoError(b, err)
		b.Cleanup(func() { _ = conn.Close() })
		idle <- &connection{conn, bufio.NewReaderSize(conn, 64<<10)}
	}
	return func() error {
		c := <-idle
		defer func() { idle <- c }()
		if _, err := io.WriteString(c, next()); err != nil {
			return err
		}
		response, err := http.ReadResponse(c.reader, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return err
		}
		if response.StatusCode != want {
			return fmt.Errorf("status %d", response.StatusCode)
		}
		return nil
	}
}

type connection struct {
	net.Conn
	reader *bufio.Reader
}
