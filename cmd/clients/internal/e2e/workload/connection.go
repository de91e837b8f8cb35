package workload

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

const (
	responseTimeout = 20 * time.Second
	dialTimeout     = 5 * time.Second
)

// connection sends each request once, whatever its outcome. net/http repeats a read, or a request with an
// Idempotency-Key, when its connection is closed, and so hides requests that a service dropped.
//
// As every client does, it first checks whether the other side closed the connection while it was idle, and then opens
// another one, which loses no request.
type connection struct {
	address *address
	keep    bool // between requests; otherwise each request opens a connection
	conn    net.Conn
	in      *bufio.Reader
}

// address is where a replica listens; it changes when the replica is started again.
type address struct{ atomic.Pointer[string] }

func (a *address) host() string { return *a.Load() }

// errNoConnection is the error of requests that were not sent.
var errNoConnection = errors.New("no connection")

// do returns a response, and its content to the end.
func (c *connection) do(request *http.Request) (response *http.Response, content []byte, err error) {
	if c.conn != nil && c.closed() {
		c.drop()
	}
	if err := c.dial(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errNoConnection, err)
	}
	_ = c.conn.SetDeadline(time.Now().Add(responseTimeout))
	request.Close = !c.keep
	if err = request.Write(c.conn); err == nil {
		response, err = http.ReadResponse(c.in, request)
	}
	if err == nil {
		content, err = io.ReadAll(response.Body)
	}
	if err != nil || request.Close || response.Close {
		c.drop()
	}
	return response, content, err
}

func (c *connection) dial() (err error) {
	if c.conn == nil {
		c.conn, err = net.DialTimeout("tcp", c.address.host(), dialTimeout)
		c.in = bufio.NewReader(c.conn)
	}
	return err
}

// closed reports whether the connection has ended or has unexpected data to read.
func (c *connection) closed() bool {
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.in.Peek(1)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

func (c *connection) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}
