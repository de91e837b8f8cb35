package main

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// A service that is there before its NATS waits for it, and is stopped as any other meanwhile.
func TestExternalNATSThatComesLater(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	url := cluster.URL()
	cluster.Stop(0)
	dir := unusedDir(t)
	waits := serveInBackground(t, dir, "--nats-url", url)
	b := serveInBackground(t, dir, "--nats-url", url, "--stream-replicas=1")
	for _, b := range []*background{waits, b} {
		eventually(t, "the service warns", func() bool { return b.said("NATS cannot be reached yet") })
	}
	require.Zero(t, waits.end())
	require.Empty(t, waits.stdout.String())
	cluster.Restart(t, 0)
	c := b.ready(t)
	require.Equal(t, "SuprCorp", c.get(c.named("SuprCorp")).Name)
	require.Zero(t, b.end())
	require.NoDirExists(t, dir)
}

// A login that is refused for a while is no reason to give up for ever: it may be changed on both sides one by one.
func TestExternalNATSThatRefusesTheLoginForAWhile(t *testing.T) {
	t.Parallel()
	var options *server.Options
	cluster := natstest.Run(t, 1, func(o *server.Options) { options = o; o.Username, o.Password = "user", "other" })
	change := func(password string) {
		cluster.Stop(0)
		options.Password = password
		cluster.Restart(t, 0)
	}
	b := serveInBackground(t, unusedDir(t), "--nats-url", withUser(cluster.URL(), "user:sesame"), "--stream-replicas=1")
	eventually(t, "the login is refused", func() bool { return b.said("Authorization Violation") })
	change("sesame")
	c := b.ready(t)
	id := c.named("SuprCorp")

	logged := len(b.stderr.String())
	change("other")
	eventually(t, "the login is refused several times", func() bool {
		return strings.Count(b.stderr.String()[logged:], "uthorization") > 3
	})
	change("sesame")
	eventually(t, "writes go on", func() bool {
		return c.do("PUT", path(id), "<client><name>Other</name></client>", asXML).status == 200
	})
	require.Zero(t, b.end())
	require.NotContains(t, b.stdout.String()+b.stderr.String(), "sesame")
}

// A server that is gone without a word, as behind a broken network, is left for one that answers.
func TestExternalNATSThatFallsSilent(t *testing.T) {
	t.Parallel()
	between := newNetwork(t, natstest.Run(t, 1).URL())
	a := launchWith(t, externalSettings(t, 1, natsSettings{url: between.url()}))
	id := a.named("SuprCorp")
	between.fallSilent()
	require.Equal(t, 503, a.do("PUT", path(id), "<client><name>Lost</name></client>", asXML).status)
	eventually(t, "the service connects anew", func() bool {
		return a.do("PUT", path(id), "<client><name>Other</name></client>", asXML).status == 200
	})
	require.Equal(t, "Other", a.get(id).Name)
}

// A command that wants NATS for a moment has it or hears why not, at its deadline.
func TestExternalNATSIsWaitedForUntilTheDeadline(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // lets connect, and says nothing
	require.NoError(t, err)
	defer silent.Close()
	for _, url := range []string{"nats://user:sesame@127.0.0.1:1", "nats://sesame@" + silent.Addr().String()} {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		begun := time.Now()
		nc, err := natsSettings{url: url}.connect(ctx, slog.New(slog.DiscardHandler))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, redactNATS(url))
		require.NotContains(t, err.Error(), "sesame")
		require.Nil(t, nc)
		require.Less(t, time.Since(begun), nats.DefaultTimeout)
	}
	nc, err := natsSettings{url: natstest.Run(t, 1).URL()}.connect(t.Context(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.Flush())
}
