package kubernetes_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Three servers configured by the overlays form a cluster, replicate a stream, and refuse servers without the password of
// the routes.
func TestServersFormACluster(t *testing.T) {
	for _, overlay := range []string{"demo", "production-nats"} {
		t.Run(overlay, func(t *testing.T) {
			servers := startCluster(t, overlay)
			secure := overlay == "production-nats"
			js := asAdmin(t, servers[0], secure)
			require.Eventually(t, func() bool {
				_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "X", Subjects: []string{"x"}, Replicas: 3})
				return err == nil
			}, 30*time.Second, 50*time.Millisecond)
			require.Eventually(t, func() bool {
				_, err := js.Publish(t.Context(), "x", nil)
				return err == nil
			}, 30*time.Second, 50*time.Millisecond)

			for name, user := range map[string]*url.Userinfo{
				"no password": nil, "a wrong one": url.UserPassword("route", "wrong"), "an empty one": url.UserPassword("route", ""),
				"the administrator's": url.UserPassword("admin", password("admin")),
			} {
				joinAs(t, servers[0], overlay, user)
				require.Never(t, func() bool { return servers[0].NumRemotes() != 2 }, time.Second, 5*time.Millisecond, name)
			}
			joinAs(t, servers[0], overlay, url.UserPassword("route", password("route")))
			require.Eventually(t, func() bool { return servers[0].NumRemotes() == 3 }, 30*time.Second, 5*time.Millisecond, "with the password a server joins")
		})
	}
}

func startCluster(t *testing.T, overlay string) (servers []*server.Server) {
	t.Helper()
	var addresses []string
	for range 3 {
		addresses = append(addresses, freeAddress(t))
	}
	for i := range 3 {
		options := natsOptions(t, overlay, fmt.Sprintf("nats-%d", i))
		require.Equal(t, fmt.Sprintf("nats-%d", i), options.ServerName)
		for j, route := range options.Routes { // these names resolve in a cluster only
			require.Equal(t, fmt.Sprintf("nats-%d.nats-cluster:6222", j), route.Host)
			route.Host = addresses[j]
		}
		at, err := url.Parse("nats://" + addresses[i])
		require.NoError(t, err)
		options.Cluster.Host = at.Hostname()
		_, err = fmt.Sscan(at.Port(), &options.Cluster.Port)
		require.NoError(t, err)
		servers = append(servers, startServer(t, options))
	}
	require.Eventually(t, func() bool {
		return servers[0].NumRemotes() == 2 && servers[1].NumRemotes() == 2 && servers[2].NumRemotes() == 2
	}, 30*time.Second, 10*time.Millisecond)
	return servers
}

// joinAs starts a server that is not configured by the overlay and tries to join the cluster of s as a user.
func joinAs(t *testing.T, s *server.Server, overlay string, user *url.Userinfo) *server.Server {
	t.Helper()
	options := &server.Options{ServerName: "foreign", Cluster: server.ClusterOpts{Name: "clients", Host: "127.0.0.1", Port: server.RANDOM_PORT}}
	options.Cluster.TLSConfig = natsOptions(t, overlay, "foreign").Cluster.TLSConfig // it has a valid certificate
	options.Routes = []*url.URL{{Scheme: "nats", User: user, Host: s.ClusterAddr().String()}}
	return startServer(t, options)
}

func asAdmin(t *testing.T, s *server.Server, secure bool) jetstream.JetStream {
	t.Helper()
	options := []nats.Option{nats.UserInfo("admin", password("admin"))}
	if secure {
		options = append(options, nats.RootCAs(certificates(t)+"/ca.crt"))
	}
	nc, err := nats.Connect(s.Addr().String(), options...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(2*time.Second))
	require.NoError(t, err)
	return js
}

// With the component nats-tls, clients have to use TLS and verify the certificate.
func TestTLSIsRequired(t *testing.T) {
	options := natsOptions(t, "production-nats", "nats-0")
	require.NotNil(t, options.TLSConfig)
	require.NotNil(t, options.Cluster.TLSConfig)
	s := startAlone(t, options)
	_, err := nats.Connect("nats://"+s.Addr().String(), nats.UserInfo("admin", password("admin")), nats.RootCAs(certificates(t)+"/ca.crt"))
	require.NoError(t, err)
	_, err = nats.Connect("nats://"+s.Addr().String(), nats.UserInfo("admin", password("admin")))
	require.ErrorContains(t, err, "certificate")
}
