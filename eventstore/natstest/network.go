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

// Network is a simulated network between the servers of a cluster, and between the servers and their clients. Each of them is
// a place with a name, which for a server is its own name. Two places that communicate have a link between them, whose data
// can be held or whose connections can be cut.
type Network struct {
	t     testing.TB
	mu    sync.Mutex
	names map[string]string // names of the servers, by the address of their routes
	links []*link
}

// NewNetwork returns a network in which every link is open. It ends with the test.
func NewNetwork(t testing.TB) *Network { return &Network{t: t, names: map[string]string{}} }

// Between is a change for Run that leads the servers' routes through the network. The servers do not advertise their
// addresses, neither to each other nor to clients.
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

// URL returns the addresses by which a place reaches all servers of a cluster through the network.
func (n *Network) URL(from string, c *Cluster) string {
	var urls []string
	for _, o := range c.options {
		urls = append(urls, "nats://"+n.link(from, o.ServerName, fmt.Sprintf("127.0.0.1:%d", o.Port)))
	}
	return strings.Join(urls, ",")
}

// Hold holds all data to, from and between places. Connections stay open, and what is sent over them arrives when the network
// is healed: a process that is paused, or a network that drops all packets, looks the same.
func (n *Network) Hold(places ...string) { n.set(held, places) }

// Cut closes all connections to, from and between places and allows no new ones.
func (n *Network) Cut(places ...string) { n.set(cut, places) }

// Part holds all data between two places, as Hold does.
func (n *Network) Part(a, b string) { n.between(held, a, b) }

// End closes the connections between two places and allows no new ones, as Cut does.
func (n *Network) End(a, b string) { n.between(cut, a, b) }

func (n *Network) between(state state, a, b string) {
	n.each(func(l *link) {
		if from, to := l.ends(); from == a && to == b || from == b && to == a {
			l.set(state)
		}
	})
}

// Heal opens every link.
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

// link adds a link to an address and returns the address at which it listens.
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
