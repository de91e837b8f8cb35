package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// The service with a NATS that others run.

func TestExternalNATSServesAsTheEmbeddedOne(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	a := launchWith(t, externalSettings(t, 1, natsSettings{url: cluster.URL()}))
	id := a.create(whole)
	a.update(id, "<name>Other</name>")
	a.want(http.StatusServiceUnavailable, "DELETE", path(id), "") // the other services are not there yet
	a.tap().sources()
	a.want(200, "POST", togglePath(id), "")
	a.want(200, "POST", togglePath(id), "")
	other := a.named("Deleted")
	a.want(200, "DELETE", path(other), "")
	a.tap().say(project("Created", 1, fmt.Sprintf(`"client_id":%d`, id)))
	a.want(400, "DELETE", path(id), "")
	before := a.list("")
	require.Len(t, before, 1)
	require.Equal(t, before, []view{rebuild(t, a.tap().messages())[id]})

	var greeted strings.Builder
	a.greet(&greeted)
	require.Contains(t, greeted.String(), "NATS        "+cluster.URL()+", stream CLIENTS")
	require.NotContains(t, greeted.String(), "  data ")
	require.NoDirExists(t, a.settings.dataDir)

	a = a.relaunch()
	require.Equal(t, before, a.list(""))
	cluster.Stop(0)
	require.Contains(t, a.want(200, "GET", path(id), "").header.Get("Warning"), "110")
	a.want(http.StatusServiceUnavailable, "PUT", path(id), "<client><name>Third</name></client>", asXML)
	cluster.Restart(t, 0)
	eventually(t, "writes go on when NATS is back", func() bool {
		return a.do("PUT", path(id), "<client><name>Fourth</name></client>", asXML).status == 200
	})
	require.Equal(t, "Fourth", a.get(id).Name)
	require.Empty(t, a.want(200, "GET", path(id), "").header.Get("Warning"))
}

// Several services on one NATS are one service: whatever was answered by one is so for all.
func TestExternalNATSWithTwoServicesOnThreeServers(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 3)
	settings := externalSettings(t, 3, natsSettings{url: cluster.URL()})
	one, two := launchWith(t, settings), launchWith(t, settings)
	services := []*app{one, two}
	one.tap().sources()
	requireReplicas(t, one.tap(), 3)
	id := one.named("SuprCorp")
	require.Equal(t, "SuprCorp", two.get(id).Name)
	two.update(id, "<name>Other</name>")
	require.Equal(t, "Other", one.get(id).Name)

	const togglers, each = 6, 5
	tags := make(chan string, togglers*each)
	var all sync.WaitGroup
	for i := range togglers {
		all.Go(func() {
			for j := range each {
				tags <- services[i%2].toggleUntilAnswered(id, fmt.Sprintf("Idempotency-Key: %d of %d", j, i))
			}
		})
	}
	all.Wait()
	close(tags)
	seen := map[string]bool{}
	for tag := range tags {
		seen[tag] = true
	}
	require.Len(t, seen, togglers*each, "each toggle led to a revision of its own")
	require.Equal(t, uint64(1+togglers*each), one.get(id).CacheVersion)
	require.Equal(t, one.get(id), two.get(id))
	require.Equal(t, one.get(id), rebuild(t, one.tap().messages())[id])

	cluster.Stop(0)
	for i, s := range services {
		name := fmt.Sprintf("Without a server %d", i)
		eventually(t, "the two servers that are left serve", func() bool {
			return s.do("PUT", path(id), "<client><name>"+name+"</name></client>", asXML).status == 200
		})
		var got answer
		eventually(t, "the other one reads for certain", func() bool {
			got = services[1-i].do("GET", path(id), "")
			return got.header.Get("Warning") == ""
		})
		require.Contains(t, got.body, "<name>"+name+"</name>")
	}
}

// toggleUntilAnswered toggles a client once, however often that has to be asked for, and answers its tag.
func (c *caller) toggleUntilAnswered(id int64, key string) string {
	for begun := time.Now(); ; {
		got, err := c.send("POST", togglePath(id), "", key)
		if err == nil && got.status == http.StatusServiceUnavailable && time.Since(begun) < 3*patience {
			continue
		}
		if err != nil || got.status != http.StatusOK {
			c.t.Errorf("toggle: %d %s %v", got.status, got.body, err)
		}
		return got.tag()
	}
}

func requireReplicas(t *testing.T, p *tap, replicas int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, name := range []string{eventstore.Stream, eventstore.IDStream, eventstore.QuarantineStream, "KV_" + eventstore.KeysBucket} {
		stream, err := p.js.Stream(ctx, name)
		require.NoError(t, err)
		require.Equal(t, replicas, stream.CachedInfo().Config.Replicas, name)
	}
}

// Three replicas are more than one server can hold: the service waits for the others and says so.
func TestExternalNATSThatIsNoCluster(t *testing.T) {
	t.Parallel()
	server, dir := natstest.Run(t, 1), unusedDir(t)
	code, stdout, stderr := serveInProcess(t, dir, "--nats-url", server.URL())
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "3 replicas were asked for: set CLIENTS_STREAM_REPLICAS to 1")
	require.Empty(t, stdout)
	require.NoDirExists(t, dir)
}

// A cluster may have too few servers as it forms, so that this is waited for.
func TestExternalNATSWithTooFewServers(t *testing.T) {
	t.Parallel()
	cluster, dir := natstest.Run(t, 3), unusedDir(t)
	cluster.Stop(2)
	b := serveInBackground(t, dir, "--nats-url", cluster.URL(), "--stream-replicas=5")
	eventually(t, "the service says what it waits for", func() bool { return b.said("NATS is not ready yet") })
	cluster.Stop(0)
	cluster.Stop(1)
	eventually(t, "the service notices", func() bool { return b.said("nats: disconnected") })
	require.Zero(t, b.end())
	require.Empty(t, b.stdout.String())
	require.NoDirExists(t, dir)
}
