package connections

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// conn is a connection of a Listener, below TLS.
type conn struct {
	net.Conn
	listener *Listener
	network  netip.Prefix
	loggedIn atomic.Bool  // changes under the listener's mu
	active   atomic.Bool  // a request is under way
	since    atomic.Int64 // when it became active or idle, in nanoseconds since 1970
}

// contextKey is the key of the conn in the context of its requests.
type contextKey struct{}

// LoggedIn records that the request of ctx has logged in: its connection is no longer anonymous, and the request may be read
// until readBy.
func LoggedIn(ctx context.Context, readBy time.Time) {
	c, _ := ctx.Value(contextKey{}).(*conn)
	if c == nil || c.loggedIn.Load() {
		return
	}
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	if c.listener.conns[c] {
		c.listener.count(c, -1)
		c.loggedIn.Store(true)
		_ = c.Conn.SetReadDeadline(readBy)
	}
}

// connOf returns the conn that a server's connection is, or is TLS on top of.
func connOf(inner net.Conn) *conn {
	if secure, ok := inner.(interface{ NetConn() net.Conn }); ok {
		inner = secure.NetConn()
	}
	c, _ := inner.(*conn)
	return c
}

// isIdle reports whether the connection has been idle for minIdle.
func (c *conn) isIdle() bool {
	return !c.active.Load() && time.Since(time.Unix(0, c.since.Load())) >= minIdle
}

// SetReadDeadline sets the deadline, or an earlier one if the connection is anonymous.
func (c *conn) SetReadDeadline(t time.Time) error {
	if latest := time.Now().Add(c.listener.limits.AnonymousIdle); !c.loggedIn.Load() && (t.IsZero() || t.After(latest)) {
		t = latest
	}
	return c.Conn.SetReadDeadline(t)
}

// CloseWrite lets the server finish a response whose caller is still sending.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close closes the connection and makes room for another one.
func (c *conn) Close() error {
	c.listener.mu.Lock()
	c.listener.remove(c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
