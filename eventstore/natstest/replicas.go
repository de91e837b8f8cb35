package natstest

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Replicas runs a cluster and returns the result of open for a connection to each of its servers, as replicas of the service
// connect to them.
func Replicas[T any](t testing.TB, servers int, open func(nc *nats.Conn) T) (*Cluster, []T) {
	t.Helper()
	cluster := Run(t, servers)
	var all []T
	for i := range servers {
		all = append(all, open(cluster.Connect(t, i)))
	}
	return cluster, all
}

// Held runs a cluster and returns two connections: held goes through the network, free does not.
func Held(t testing.TB, servers int) (network *Network, held, free *nats.Conn) {
	t.Helper()
	network = NewNetwork(t)
	cluster := Run(t, servers)
	held, err := nats.Connect(network.URL("held", cluster), nats.DontRandomize(), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
	require.NoError(t, err)
	t.Cleanup(held.Close)
	return network, held, cluster.Connect(t, 0)
}

// CreateStream creates a stream. It tries again while servers have yet to form a cluster, or still remove a stream of that
// name. An attempt is short: what is sent while the cluster changes its leader may get no response.
func CreateStream(t testing.TB, js jetstream.JetStream, config jetstream.StreamConfig) {
	t.Helper()
	attempt := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := js.CreateStream(ctx, config)
		return err
	}
	err := attempt()
	for begun := time.Now(); err != nil; err = attempt() {
		require.Less(t, time.Since(begun), startLimit, "create %s: %v", config.Name, err)
		time.Sleep(10 * time.Millisecond)
	}
}

// Deadline returns a context that ends with the test, or after a minute.
func Deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
