package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// patience is how long a caller waits for an answer, and dialling for a connection.
const (
	patience = 20 * time.Second
	dialling = 5 * time.Second
)

// connection is a caller's way to the service. It sends each request once, whatever becomes of it: net/http sends one again
// whose connection is closed under it, as long as it is a read or has an Idempotency-Key, and whoever measures by it does not
// see what a service has dropped.
//
// As every client does it looks before it sends whether the other side has closed the connection meanwhile, and then takes
// another one: nothing is lost by that. A request that was sent, and not answered, has failed.
type connection struct {
	address string
	kept    bool // between requests; else each has a connection of its own
	conn    *net.TCPConn
	in      *bufio.Reader
}

// exchange is a request's answer, read to its end.
type exchange struct {
	*http.Response
	content     []byte
	reconnected bool // the connection had been closed while nothing was under way on it
}

func (c *connection) do(request *http.Request) (e exchange, err error) {
	if c.conn != nil && c.closed() {
		c.drop()
		e.reconnected = true
	}
	if err := c.dial(); err != nil {
		return e, err
	}
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	request.Close = !c.kept
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
	conn, err := net.DialTimeout("tcp", c.address, dialling)
	if err != nil {
		return err
	}
	c.conn = conn.(*net.TCPConn)
	c.in = bufio.NewReader(conn)
	return nil
}

// closed looks, without waiting, whether there is an end to read, or anything else that nobody has asked for.
func (c *connection) closed() bool {
	raw, err := c.conn.SyscallConn()
	if err != nil {
		return true
	}
	quiet := false
	err = raw.Read(func(socket uintptr) bool {
		_, _, err := syscall.Recvfrom(int(socket), make([]byte, 1), syscall.MSG_PEEK)
		quiet = err == syscall.EAGAIN
		return true
	})
	return err != nil || !quiet || c.in.Buffered() > 0
}

func (c *connection) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}
