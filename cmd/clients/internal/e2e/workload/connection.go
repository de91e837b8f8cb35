package workload

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
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
	conn    *net.TCPConn
	in      *bufio.Reader
}

// address is where a replica listens; it changes when the replica is started again.
type address struct{ atomic.Pointer[string] }

func (a *address) host() string { return *a.Load() }

// errNoConnection is the error of requests that were not sent.
var errNoConnection = errors.New("no connection")

// exchange is a response that was read to its end.
type exchange struct {
	*http.Response
	content     []byte
	reconnected bool // the connection was closed while it was idle
}

func (c *connection) do(request *http.Request) (e exchange, err error) {
	if c.conn != nil && c.closed() {
		c.drop()
		e.reconnected = true
	}
	if err := c.dial(); err != nil {
		return e, fmt.Errorf("%w: %w", errNoConnection, err)
	}
	_ = c.conn.SetDeadline(time.Now().Add(responseTimeout))
	request.Close = !c.keep
	if err = request.Write(c.conn); err == nil {
		e.Response, err = http.ReadResponse(c.in, request)
	}
	if err == nil {
		e.content, err = io.ReadAll(e.Body)
	}
	if err != nil || request.Close || e.Close {
		c.drop()
		return e, err
	}
	_ = c.conn.SetDeadline(time.Time{})
	return e, nil
}

func (c *connection) dial() error {
	if c.conn != nil {
		return nil
	}
	conn, err := net.DialTimeout("tcp", c.address.host(), dialTimeout)
	if err != nil {
		return err
	}
	c.conn = conn.(*net.TCPConn)
	c.in = bufio.NewReader(conn)
	return nil
}

// closed reports, without waiting, whether the connection has ended or has unexpected data to read.
func (c *connection) closed() bool {
	raw, err := c.conn.SyscallConn()
	if err != nil {
		return true
	}
	idle := false
	err = raw.Read(func(socket uintptr) bool {
		_, _, err := syscall.Recvfrom(int(socket), make([]byte, 1), syscall.MSG_PEEK)
		idle = err == syscall.EAGAIN
		return true
	})
	return err != nil || !idle || c.in.Buffered() > 0
}

func (c *connection) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}
