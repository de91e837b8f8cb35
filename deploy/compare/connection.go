package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
)

// connection speaks as much HTTP/1.1 as the servers do, to leave the processor to them.
type connection struct {
	net.Conn
	r *bufio.Reader
}

func dial(ctx context.Context, address string) (*connection, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReaderSize(c, 32<<10)}, nil
}

// do sends a request, reads the whole response and returns its status, which is valid until the next call.
func (c *connection) do(request []byte) (status []byte, err error) {
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil || len(line) < 12 {
		return nil, errors.Join(errResponse, err)
	}
	status = append(make([]byte, 0, 3), line[9:12]...)
	length, chunked := 0, false
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(line) == 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return nil, err
			}
		}
		chunked = chunked || bytes.HasPrefix(line, []byte("Transfer-Encoding: chunked"))
	}
	if chunked {
		return status, c.discardChunks()
	}
	_, err = c.r.Discard(length)
	return status, err
}

var errResponse = errors.New("no HTTP response")

// discardChunks reads a body that is sent in chunks.
func (c *connection) discardChunks() error {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
		if err != nil {
			return err
		}
		if _, err := c.r.Discard(int(size) + 2); err != nil || size == 0 {
			return err
		}
	}
}
