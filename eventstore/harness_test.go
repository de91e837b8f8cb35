package eventstore_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// openStore opens a store as one replica of the service does.
func openStore(t testing.TB, nc *nats.Conn, replicas int) *eventstore.Store {
	t.Helper()
	s, err := eventstore.Open(deadline(t), nc, eventstore.Config{Replicas: replicas, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// singleNode opens a store on a server of its own.
func singleNode(t testing.TB) *eventstore.Store {
	t.Helper()
	return openStore(t, natstest.Run(t, 1).Connect(t, 0), 1)
}

// threeReplicas opens the store of each of three replicas, each of them connected to another server of one cluster.
func threeReplicas(t testing.TB) (*natstest.Cluster, []*eventstore.Store) {
	t.Helper()
	cluster := natstest.Run(t, 3)
	var stores []*eventstore.Store
	for i := range 3 {
		stores = append(stores, openStore(t, cluster.Connect(t, i), 3))
	}
	return cluster, stores
}

// singleOrReplicated opens a store on one server or on three.
func singleOrReplicated(t testing.TB, servers int) *eventstore.Store {
	t.Helper()
	if servers == 1 {
		return singleNode(t)
	}
	_, stores := threeReplicas(t)
	return stores[0]
}

// onOddTerms opens one store whose messages can be held up, and another whose messages cannot.
func onOddTerms(t *testing.T, servers int) (network *natstest.Network, held, free *eventstore.Store) {
	t.Helper()
	network = natstest.NewNetwork(t)
	cluster := natstest.Run(t, servers)
	nc, err := nats.Connect(network.URL("held", cluster), nats.DontRandomize(), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return network, openStore(t, nc, servers), openStore(t, cluster.Connect(t, 0), servers)
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// happened is an event in the account "test".
func happened(version uint64, event domain.Event) domain.Envelope {
	return domain.Envelope{
		EventID: uuid.Must(uuid.NewV7()).String(), Account: "test", Event: event, Version: version,
		Time: time.Now(), Actor: "somebody", CorrelationID: "request", CausationID: "request",
	}
}

func created(id int64) domain.Envelope {
	return happened(1, domain.ClientCreated{ID: id, Name: "SuprCorp", Currency: "Euro - EUR", CurrencySymbol: "€", Active: true})
}

// stored reads back everything in the stream.
func stored(t testing.TB, s *eventstore.Store) []eventstore.Record {
	t.Helper()
	last, err := s.LastSequence(deadline(t))
	require.NoError(t, err)
	var records []eventstore.Record
	if last == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(deadline(t))
	err = s.Tail(ctx, 0, func(run []eventstore.Record) error {
		records = append(records, run...)
		if run[len(run)-1].Sequence >= last {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	return records
}

// settles waits until a condition holds.
func settles(condition func() bool) bool {
	for begun := time.Now(); time.Since(begun) < time.Minute; <-time.After(5 * time.Millisecond) {
		if condition() {
			return true
		}
	}
	return false
}
