package main

import (
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/idempotency"

	"github.com/stretchr/testify/require"
)

func requireReplicas(t *testing.T, p *tap, replicas int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, name := range []string{eventstore.Stream, eventstore.IDStream, eventstore.QuarantineStream, idempotency.Stream} {
		stream, err := p.js.Stream(ctx, name)
		require.NoError(t, err)
		require.Equal(t, replicas, stream.CachedInfo().Config.Replicas, name)
	}
}

func rebuild(t *testing.T, events []message) map[int64]view {
	t.Helper()
	clients := map[int64]view{}
	for _, e := range events {
		require.Equal(t, checksumOf(e.subject, e.header, e.data), e.header.Get("ce-checksum"))
		id, err := strconv.ParseInt(e.header.Get("ce-subject"), 10, 64)
		require.NoError(t, err)
		v, exists := clients[id]
		version, err := strconv.ParseUint(e.header.Get("ce-clientversion"), 10, 64)
		require.NoError(t, err)
		if v.UpdatedAt = e.at.UTC().Truncate(time.Second); e.header.Get("ce-type") == "clients.v1.ClientCreated" {
			require.False(t, exists)
			v.CreatedAt = v.UpdatedAt
		} else {
			require.True(t, exists)
			require.Equal(t, v.CacheVersion+2, version)
		}
		v.CacheVersion = version - 1
		if e.header.Get("ce-type") == "clients.v1.ClientDeleted" {
			delete(clients, id)
			continue
		}
		require.NoError(t, json.Unmarshal([]byte(e.data), &v)) // what is named replaces, null clears, the rest stays
		clients[id] = v
	}
	return clients
}

func (a *app) counter(name string) int {
	a.t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(a.ops("/metrics").body)
	require.NotNil(a.t, found, name)
	value, err := strconv.ParseFloat(found[1], 64)
	require.NoError(a.t, err)
	return int(value)
}

func serveInProcess(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runInProcess(t, append([]string{"serve", "--data-dir", dir, "--http-addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0",
		"--embedded-nats-addr", "127.0.0.1:0", "--log-level", "error"}, args...)...)
}
