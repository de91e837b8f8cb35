package natstest

import (
	"net"
	"sync"
)

// link is a proxy in front of an address.
type link struct {
	network           *Network
	from, to, address string // to is "" if address is the address of a server's routes
	listener          net.Listener

	mu      sync.Mutex
	state   state
	changed chan struct{} // closed when state changes
	conns   map[net.Conn]struct{}
}

type state int

const (
	open state = iota
	held       // data waits, and none is lost
	cut        // there are no connections
)

func (l *link) ends() (from, to string) {
	if l.to != "" {
		return l.from, l.to
	}
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	return l.from, l.network.names[l.address]
}

func (l *link) set(s state) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = s
	close(l.changed)
	l.changed = make(chan struct{})
	if s == cut {
		for conn := range l.conns {
			_ = conn.Close()
		}
	}
}

func (l *link) serve() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.join(near)
	}
}

// join connects near with the address as soon as the link is open.
func (l *link) join(near net.Conn) {
	if !l.add(near) || !l.passes() {
		l.drop(near)
		return
	}
	far, err := net.Dial("tcp", l.address)
	if err != nil || !l.add(far) {
		l.drop(near)
		if err == nil {
			_ = far.Close()
		}
		return
	}
	go l.carry(near, far)
	l.carry(far, near)
}

// carry copies data from one connection to the other until either ends.
func (l *link) carry(from, to net.Conn) {
	defer l.drop(from)
	defer l.drop(to)
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if !l.passes() {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// passes waits while the link is held and reports whether it is open then.
func (l *link) passes() bool {
	for {
		l.mu.Lock()
		state, changed := l.state, l.changed
		l.mu.Unlock()
		if state != held {
			return state == open
		}
		<-changed
	}
}

func (l *link) add(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == cut {
		return false
	}
	l.conns[conn] = struct{}{}
	return true
}

func (l *link) drop(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, conn)
	_ = conn.Close()
}
