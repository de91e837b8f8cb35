package main

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// network is what lies between a service and its NATS server.
type network struct {
	net.Listener
	mu    sync.Mutex
	conns []*silenced
}

// silenced is a connection that swallows everything from some moment on.
type silenced struct {
	net.Conn
	mu     sync.Mutex
	silent bool
}

// newNetwork listens for connections and hands what it hears on to server, and back.
func newNetwork(t *testing.T, server string) *network {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	n := &network{Listener: listener}
	t.Cleanup(func() {
		_ = listener.Close()
		n.each(func(s *silenced) { _ = s.Close() })
	})
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", strings.TrimPrefix(server, "nats://"))
			if err != nil {
				_ = near.Close()
				continue
			}
			n.join(&silenced{Conn: near}, &silenced{Conn: far})
		}
	}()
	return n
}

func (n *network) join(a, b *silenced) {
	n.mu.Lock()
	n.conns = append(n.conns, a, b)
	n.mu.Unlock()
	for _, way := range [][2]*silenced{{a, b}, {b, a}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].Close()
		}()
	}
}

func (n *network) each(do func(*silenced)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.conns {
		do(s)
	}
}

// fallSilent loses everything on the connections that stand, and closes none.
func (n *network) fallSilent() {
	n.each(func(s *silenced) { s.mu.Lock(); s.silent = true; s.mu.Unlock() })
}

func (s *silenced) Write(p []byte) (int, error) {
	s.mu.Lock()
	silent := s.silent
	s.mu.Unlock()
	if silent {
		return len(p), nil
	}
	return s.Conn.Write(p)
}

func (n *network) url() string { return "nats://" + n.Addr().String() }
