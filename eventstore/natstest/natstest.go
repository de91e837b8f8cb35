// Package natstest runs real NATS servers with JetStream in a test, one or several as a cluster.
package natstest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// Cluster is a cluster of servers with JetStream.
type Cluster struct {
	Servers []*server.Server
	options []*server.Options
}

// Run starts a cluster of n servers, which ends with the test. It returns when JetStream is ready on every server. Each
// change is applied to the options of every server, for example to require logins.
func Run(t testing.TB, n int, change ...func(*server.Options)) *Cluster {
	t.Helper()
	c := &Cluster{}
	addresses, release := freeAddresses(t, 2*n)
	for i := range n {
		o := options(t, i, addresses[:n], addresses[n:])
		for _, alter := range change {
			alter(o)
		}
		c.options = append(c.options, o)
		c.Servers = append(c.Servers, nil)
		release(i)
		release(n + i)
		c.start(t, i)
	}
	t.Cleanup(func() {
		for _, s := range c.Servers {
			s.Shutdown()
			s.WaitForShutdown()
		}
	})
	c.awaitLeader(t)
	return c
}

// options returns the options of server i of those that listen at the addresses and, for each other, at the routes.
func options(t testing.TB, i int, addresses, routes []string) *server.Options {
	t.Helper()
	o := &server.Options{
		ServerName: fmt.Sprintf("n%d", i+1),
		JetStream:  true,
		StoreDir:   t.TempDir(),
		SyncAlways: true,
		NoLog:      true,
		NoSigs:     true,
	}
	o.Host, o.Port = hostPort(t, addresses[i])
	if len(routes) == 1 {
		return o
	}
	o.Cluster.Name = "test"
	o.Cluster.Host, o.Cluster.Port = hostPort(t, routes[i])
	for j, route := range routes {
		if j != i {
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: route})
		}
	}
	return o
}

func hostPort(t testing.TB, address string) (host string, port int) {
	t.Helper()
	parsed, err := netip.ParseAddrPort(address)
	require.NoError(t, err)
	return parsed.Addr().String(), int(parsed.Port())
}

// start starts server i, and tries again while one of its ports is in use.
func (c *Cluster) start(t testing.TB, i int) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		s, err := server.NewServer(c.options[i].Clone()) // the server modifies its options
		require.NoError(t, err)
		s.Start()
		if s.Addr() != nil {
			c.Servers[i] = s
			return
		}
		s.Shutdown()
		s.WaitForShutdown()
		require.Less(t, time.Since(begun), startLimit, "port %d stays in use", c.options[i].Port)
	}
}

// Stop stops server i. Restart starts it again with the same store.
func (c *Cluster) Stop(i int) {
	c.Servers[i].Shutdown()
	c.Servers[i].WaitForShutdown()
}

// Restart starts server i again.
func (c *Cluster) Restart(t testing.TB, i int) {
	t.Helper()
	c.start(t, i)
}

// Change alters the options of server i from its next restart on.
func (c *Cluster) Change(i int, change func(*server.Options)) { change(c.options[i]) }

// Reload alters the options of server i while it runs.
func (c *Cluster) Reload(t testing.TB, i int, change func(*server.Options)) {
	t.Helper()
	change(c.options[i])
	require.NoError(t, c.Servers[i].ReloadOptions(c.options[i].Clone()))
}

// startLimit is long enough for a busy machine.
const startLimit = 30 * time.Second

func (c *Cluster) awaitLeader(t testing.TB) {
	t.Helper()
	for _, s := range c.Servers {
		require.True(t, s.ReadyForConnections(startLimit))
	}
	if len(c.Servers) == 1 {
		return
	}
	require.Eventually(t, func() bool {
		current := 0
		for _, s := range c.Servers {
			if s.JetStreamIsCurrent() {
				current++
			}
		}
		return current == len(c.Servers)
	}, startLimit, 10*time.Millisecond)
}

// StoreDir returns the folder in which server i stores its streams.
func (c *Cluster) StoreDir(i int) string { return c.options[i].StoreDir }

// URL returns the addresses of all servers, as nats.Connect accepts them.
func (c *Cluster) URL() string {
	var urls []string
	for _, s := range c.Servers {
		urls = append(urls, s.ClientURL())
	}
	return strings.Join(urls, ",")
}

// Connect connects to server i, or to another one when that stops. The connection is closed at the end of the test.
func (c *Cluster) Connect(t testing.TB, i int) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(c.Servers[i].ClientURL(), nats.Timeout(startLimit), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.ReconnectBufSize(-1))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// FreeAddress returns a free address for a process to listen at, as freeAddresses does.
func FreeAddress(t testing.TB) string {
	t.Helper()
	addresses, release := freeAddresses(t, 1)
	release(0)
	return addresses[0]
}

// freeAddresses returns n free addresses. Each is reserved until release is called for it. Their ports are none that a
// system gives to listeners on port 0 or to outgoing connections: so a server can also be stopped and get its port again.
func freeAddresses(t testing.TB, n int) (addresses []string, release func(i int)) {
	t.Helper()
	var listeners []net.Listener
	for len(listeners) < n {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(endPort-firstPort)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		require.NoError(t, err)
		t.Cleanup(func() { _ = listener.Close() })
		listeners = append(listeners, listener)
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, func(i int) { _ = listeners[i].Close() }
}

// The range of ports of freeAddresses, below 32768, where Linux begins to give ports away.
const firstPort, endPort = 20_000, 32_768
