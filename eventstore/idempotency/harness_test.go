package idempotency

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// longestCommand is how long the commands of these tests may take.
const longestCommand = 2 * time.Second

// openStore opens a store as one replica of the service does.
func openStore(t testing.TB, nc *nats.Conn, replicas int) *Store {
	t.Helper()
	free := func() (single, batch time.Duration) { return 0, 0 }
	s, err := Open(deadline(t), nc, Config{Replicas: replicas, LongestCommand: longestCommand, AppendCost: free, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// singleNode opens a store on a server of its own.
func singleNode(t testing.TB) *Store {
	t.Helper()
	return openStore(t, natstest.Run(t, 1).Connect(t, 0), 1)
}

// threeReplicas opens the store of each of three replicas, each of them connected to another server of one cluster.
func threeReplicas(t testing.TB) (*natstest.Cluster, []*Store) {
	t.Helper()
	cluster := natstest.Run(t, 3)
	var stores []*Store
	for i := range 3 {
		stores = append(stores, openStore(t, cluster.Connect(t, i), 3))
	}
	return cluster, stores
}

// singleOrReplicated opens a store on one server or on three.
func singleOrReplicated(t testing.TB, servers int) *Store {
	t.Helper()
	if servers == 1 {
		return singleNode(t)
	}
	_, stores := threeReplicas(t)
	return stores[0]
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
