package main

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// Each way to be let in by NATS lets the service in, and none shows in what it prints and logs.

func TestExternalNATSWithUserAndPassword(t *testing.T) {
	t.Parallel()
	requireLetIn(t, func(o *server.Options) { o.Username, o.Password = "user", "se,same/1" },
		func(url string) natsSettings { return natsSettings{url: withUser(url, "user:se%2Csame%2F1")} }, "se,same/1", "se%2Csame%2F1")
}

func TestExternalNATSWithAToken(t *testing.T) {
	t.Parallel()
	requireLetIn(t, func(o *server.Options) { o.Authorization = "sesame" },
		func(url string) natsSettings { return natsSettings{url: withUser(url, "sesame")} }, "sesame")
}

func TestExternalNATSOverWebsocket(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	requireLetIn(t, func(o *server.Options) {
		o.Username, o.Password = "user", "sesame"
		o.Websocket = server.WebsocketOpts{Host: "127.0.0.1", Port: port, NoTLS: true}
	}, func(string) natsSettings { return natsSettings{url: "ws://user:sesame@" + listener.Addr().String()} }, "sesame")
}

func TestExternalNATSWithCredentials(t *testing.T) {
	t.Parallel()
	login := newLogin(t)
	requireLetIn(t, login.demand, func(url string) natsSettings { return natsSettings{url: url, creds: login.file} }, login.secrets...)
}

func TestExternalNATSOverTLS(t *testing.T) {
	t.Parallel()
	certificates := newCertificates(t)
	requireLetIn(t, certificates.demand, func(url string) natsSettings {
		require.True(t, strings.HasPrefix(url, "tls://"))
		return natsSettings{url: url, ca: certificates.ca, cert: certificates.cert, key: certificates.key}
	})
}

// requireLetIn runs the service with servers that demand a login, the right one and none.
func requireLetIn(t *testing.T, demand func(*server.Options), settings func(url string) natsSettings, secrets ...string) {
	t.Helper()
	cluster := natstest.Run(t, 1, demand)
	n := settings(cluster.URL())
	flags := natsFlags{NATSURL: n.url, NATSCreds: n.creds, NATSCA: n.ca, NATSCert: n.cert, NATSKey: n.key}
	var f settingFaults
	require.Equal(t, n, flags.natsSettings(&f))
	require.Empty(t, f)

	s := externalSettings(t, 1, n)
	s.logLevel = slog.LevelDebug
	a := launchWith(t, s)
	id := a.named("SuprCorp")
	cluster.Stop(0)
	cluster.Restart(t, 0)
	eventually(t, "writes go on when NATS is back", func() bool {
		return a.do("PUT", path(id), "<client><name>Other</name></client>", asXML).status == 200
	})
	var greeted strings.Builder
	a.greet(&greeted)
	for _, secret := range secrets {
		require.NotContains(t, greeted.String()+a.logged.String(), secret)
	}
	require.Contains(t, a.logged.String(), "reconnected")

	stranger := serveInBackground(t, unusedDir(t), "--nats-url", cluster.URL(), "--stream-replicas=1")
	eventually(t, "nobody else is let in", func() bool { return stranger.said("cannot be reached") })
	require.Zero(t, stranger.end())
	require.Empty(t, stranger.stdout.String())
}

// withUser puts a user in front of the host of each URL.
func withUser(urls, user string) string { return strings.ReplaceAll(urls, "://", "://"+user+"@") }
