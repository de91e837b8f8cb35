package natstest

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// Network is what lies between the servers of a cluster, and between them and those who use them. Each of them is a
// place with a name, a server's being its own, and each pair of places that speak has a link in between: whatever
// reaches a place over its links can be held up, or cut off.
type Network struct {
	t     testing.TB
	mu    sync.Mutex
	names map[string]string // of the servers, by the address of their routes
	links []*link
}

// NewNetwork makes a network, which ends with the test.
func NewNetwork(t testing.TB) *Network { return &Network{t: t, names: map[string]string{}} }

// Between is a change for Run: the servers' routes to each other go through the network. Nothing else tells them, or
// who uses them, where the others are.
func (n *Network) Between(o *server.Options) {
	own := fmt.Sprintf("%s:%d", o.Cluster.Host, o.Cluster.Port)
	n.mu.Lock()
	n.names[own] = o.ServerName
	n.mu.Unlock()
	for i, route := range o.Routes {
		o.Routes[i] = &url.URL{Scheme: route.Scheme, Host: n.link(o.ServerName, "", route.Host)}
	}
	o.Cluster.Advertise = "127.0.0.1:1"
	o.Cluster.NoAdvertise = true
}

// URL names all servers of a cluster as they are reached from a place.
func (n *Network) URL(from string, c *Cluster) string {
	var urls []string
	for _, o := range c.options {
		urls = append(urls, "nats://"+n.link(from, o.ServerName, fmt.Sprintf("127.0.0.1:%d", o.Port)))
	}
	return strings.Join(urls, ",")
}

// Hold lets nothing through to or from places any more, nor between them. Connections stand, and what is sent over them
// arrives when the network is healed: this is how a process looks that has been stopped, or a network that loses
// everything.
func (n *Network) Hold(places ...string) { n.set(held, places) }

// Cut ends all connections to, from and between places, and allows no others.
func (n *Network) Cut(places ...string) { n.set(cut, places) }

// Part lets nothing through between two places, as Hold does.
func (n *Network) Part(a, b string) { n.between(held, a, b) }

// End ends the connections between two places, as Cut does.
func (n *Network) End(a, b string) { n.between(cut, a, b) }

func (n *Network) between(state state, a, b string) {
	n.each(func(l *link) {
		if from, to := l.ends(); from == a && to == b || from == b && to == a {
			l.set(state)
		}
	})
}

// Heal lets everything through again.
func (n *Network) Heal() { n.each(func(l *link) { l.set(open) }) }

func (n *Network) set(state state, places []string) {
	n.each(func(l *link) {
		from, to := l.ends()
		for _, place := range places {
			if from == place || to == place {
				l.set(state)
			}
		}
	})
}

func (n *Network) each(do func(*link)) {
	n.mu.Lock()
	all := append([]*link(nil), n.links...)
	n.mu.Unlock()
	for _, l := range all {
		do(l)
	}
}

// link listens on behalf of an address and returns where.
func (n *Network) link(from, to, address string) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(n.t, err)
	l := &link{network: n, from: from, to: to, address: address, listener: listener, changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	n.mu.Lock()
	n.links = append(n.links, l)
	n.mu.Unlock()
	n.t.Cleanup(func() {
		_ = listener.Close()
		l.set(cut)
	})
	go l.serve()
	return listener.Addr().String()
}
