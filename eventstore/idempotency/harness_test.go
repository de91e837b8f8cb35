package idempotency_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"clients/eventstore/idempotency"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// openStore opens a store as one replica of the service does.
func openStore(t testing.TB, nc *nats.Conn, replicas int) *idempotency.Store {
	t.Helper()
	free := func() time.Duration { return 0 }
	s, err := idempotency.Open(deadline(t), nc, idempotency.Config{Replicas: replicas, AppendCost: free, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return s
}

// singleNode opens a store on a server of its own.
func singleNode(t testing.TB) *idempotency.Store {
	t.Helper()
	return openStore(t, natstest.Run(t, 1).Connect(t, 0), 1)
}

// threeReplicas opens the store of each of three replicas, each of them connected to another server of one cluster.
func threeReplicas(t testing.TB) (*natstest.Cluster, []*idempotency.Store) {
	t.Helper()
	return natstest.Replicas(t, 3, func(nc *nats.Conn) *idempotency.Store { return openStore(t, nc, 3) })
}

// singleOrReplicated opens a store on one server or on three.
func singleOrReplicated(t testing.TB, servers int) *idempotency.Store {
	t.Helper()
	return openStore(t, natstest.Run(t, servers).Connect(t, 0), servers)
}

func deadline(t testing.TB) context.Context { return natstest.Deadline(t) }
