package eventstore_test

import (
	"context"
	"errors"
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
	return natstest.Replicas(t, 3, func(nc *nats.Conn) *eventstore.Store { return openStore(t, nc, 3) })
}

// singleOrReplicated opens a store on one server or on three.
func singleOrReplicated(t testing.TB, servers int) *eventstore.Store {
	t.Helper()
	return openStore(t, natstest.Run(t, servers).Connect(t, 0), servers)
}

// held opens two stores: the messages of the first go through the network, which can hold them up.
func held(t *testing.T, servers int) (network *natstest.Network, held, free *eventstore.Store) {
	t.Helper()
	network, slow, fast := natstest.Held(t, servers)
	return network, openStore(t, slow, servers), openStore(t, fast, servers)
}

func deadline(t testing.TB) context.Context { return natstest.Deadline(t) }

// appendInTime appends an event. It tries again while a slow machine refuses it, in which case nothing was stored.
func appendInTime(t testing.TB, s *eventstore.Store, e domain.Envelope, lastSequence uint64, lease ...domain.Lease) (domain.AppendResult, error) {
	for {
		result, err := s.Append(deadline(t), e, lastSequence, lease...)
		if !errors.Is(err, eventstore.ErrTooSlow) {
			return result, err
		}
	}
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
		for _, r := range run {
			r.StoredAt = r.StoredAt.UTC() // its place depends on how it was read
			records = append(records, r)
		}
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
