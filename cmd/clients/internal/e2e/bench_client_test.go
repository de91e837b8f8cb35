package e2e_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// benchConnection is a connection that is kept between requests.
type benchConnection struct {
	net.Conn
	reader *bufio.Reader
}

// requester returns a function that sends one HTTP request over a kept connection and reads its response, at as little cost
// of its own as possible: the server is measured. Any goroutine may call it. next returns the request's text.
func requester(b *testing.B, base string, want int, next func() string) func() error {
	b.Helper()
	idle := make(chan *benchConnection, 128)
	return func() error {
		request := next()
		select {
		case c := <-idle:
			if err := c.do(request, want); err == nil || !errors.Is(err, errUnsent) {
				idle <- c
				return err
			} // the server has closed it while it was idle
		default:
		}
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			return err
		}
		b.Cleanup(func() { _ = conn.Close() })
		c := &benchConnection{conn, bufio.NewReaderSize(conn, 64<<10)}
		defer func() { idle <- c }()
		return c.do(request, want)
	}
}

// errUnsent is of a request whose connection was closed.
var errUnsent = errors.New("connection closed")

func (c *benchConnection) do(request string, want int) error {
	if _, err := io.WriteString(c, request); err != nil {
		return errUnsent
	}
	if _, err := c.reader.Peek(1); err != nil {
		return errUnsent
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

// text returns the bytes of a request, with headers as "Name: value\r\n".
func text(method, path, headers, body string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%s", method, path, headers, len(body), body)
}

// same returns a function that always returns text.
func same(text string) func() string { return func() string { return text } }
