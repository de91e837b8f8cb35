// Package connections bounds how many connections a server has, and closes the least useful ones to make room for new
// ones.
//
// A connection is anonymous until a request on it has logged in. Anonymous connections have a share of their own, may not
// be idle for long, and are closed first: the idle ones before the others, those of the network that has most of them
// before those of others, and those that have been idle or busy for long before the others. Then connections that have been
// idle for some time are closed. If there is none, a new connection waits until another one ends.
package connections

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Limits bounds the connections of a listener.
type Limits struct {
	Max int
	// Anonymous is how many connections of Max may be anonymous. If it is 0, every connection counts as logged in.
	Anonymous int
	// AnonymousIdle is how long an anonymous connection may be idle, or take to send a request.
	AnonymousIdle time.Duration
}

// minIdle is how long a connection that is not anonymous has to be idle before it may be closed. Its caller might just be
// sending.
const minIdle = time.Second

// Listener accepts connections within limits.
type Listener struct {
	net.Listener
	limits Limits

	mu             sync.Mutex
	changed        *sync.Cond // a connection has ended, or may have become idle
	conns          map[*conn]bool
	anonymous      map[netip.Prefix]int // how many of conns are, by network
	anonymousTotal int
	closed         bool
}

// Limit returns a listener that accepts what inner accepts, within limits.
func Limit(inner net.Listener, limits Limits) *Listener {
	l := &Listener{Listener: inner, limits: limits, conns: make(map[*conn]bool), anonymous: make(map[netip.Prefix]int)}
	l.changed = sync.NewCond(&l.mu)
	return l
}

// Attach makes server, which serves this listener with or without TLS, report what its connections do.
func (l *Listener) Attach(server *http.Server) {
	server.ConnContext = func(ctx context.Context, inner net.Conn) context.Context {
		return context.WithValue(ctx, contextKey{}, connOf(inner))
	}
	server.ConnState = func(inner net.Conn, state http.ConnState) {
		if c := connOf(inner); c != nil && (state == http.StateActive || state == http.StateIdle) {
			c.since.Store(time.Now().UnixNano()) // first: it has not been idle for long meanwhile
			c.active.Store(state == http.StateActive)
		}
	}
}

// Accept returns the next connection as soon as there is room for it.
func (l *Listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	peer, _ := netip.ParseAddrPort(inner.RemoteAddr().String())
	c := &conn{Conn: inner, listener: l, network: NetworkOf(peer.Addr())}
	c.loggedIn.Store(l.limits.Anonymous == 0)
	c.since.Store(time.Now().UnixNano())
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && !l.makeRoom(c) {
		timer := time.AfterFunc(minIdle, l.changed.Broadcast)
		l.changed.Wait()
		timer.Stop()
	}
	if l.closed {
		_ = inner.Close()
		return nil, net.ErrClosed
	}
	l.conns[c] = true
	l.count(c, 1)
	return c, nil
}

// Close closes the listener. Connections stay.
func (l *Listener) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.changed.Broadcast()
	return l.Listener.Close()
}

// makeRoom closes connections until there is room for c, and reports whether there is. The caller holds mu.
func (l *Listener) makeRoom(c *conn) bool {
	for {
		full := len(l.conns) >= l.limits.Max
		if !full && (c.loggedIn.Load() || l.anonymousTotal < l.limits.Anonymous) {
			return true
		}
		victim := l.leastUseful(!full)
		if victim == nil {
			return false
		}
		l.remove(victim)
		_ = victim.Conn.Close()
	}
}

// leastUseful returns the connection to close first, or nil if none may be closed. The caller holds mu.
func (l *Listener) leastUseful(anonymousOnly bool) (least *conn) {
	for c := range l.conns {
		if c.loggedIn.Load() && (anonymousOnly || !c.isIdle()) {
			continue
		}
		if least == nil || l.lessUseful(c, least) {
			least = c
		}
	}
	return least
}

func (l *Listener) lessUseful(a, b *conn) bool {
	if a.loggedIn.Load() != b.loggedIn.Load() {
		return b.loggedIn.Load()
	}
	if busy := a.active.Load(); busy != b.active.Load() {
		return !busy
	}
	if n, m := l.anonymous[a.network], l.anonymous[b.network]; n != m && !a.loggedIn.Load() {
		return n > m
	}
	return a.since.Load() < b.since.Load()
}

// remove forgets a connection that ends. The caller holds mu.
func (l *Listener) remove(c *conn) {
	if l.conns[c] {
		delete(l.conns, c)
		l.count(c, -1)
		l.changed.Broadcast()
	}
}

// count adds n to the anonymous connections of c's network, if c is one. The caller holds mu.
func (l *Listener) count(c *conn, n int) {
	if c.loggedIn.Load() {
		return
	}
	l.anonymousTotal += n
	if l.anonymous[c.network] += n; l.anonymous[c.network] == 0 {
		delete(l.anonymous, c.network)
	}
}

// NetworkOf returns the addresses that belong to one caller: an IPv4 address, or the largest IPv6 network that one customer is
// assigned. It is not valid if the address is not.
func NetworkOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	network, _ := addr.Prefix(min(addr.BitLen(), 48))
	return network
}
