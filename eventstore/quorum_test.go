package eventstore_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// A healthy cluster always has a quorum and all that it has acknowledged: idle, between heartbeats, busy, and after its
// leader changed.
func TestAHealthyClusterHasQuorum(t *testing.T) {
	t.Parallel()
	_, stores := threeReplicas(t)
	s := stores[0]
	streams := upstream.New(s.Conn())
	require.NoError(t, streams.Ensure(deadline(t), 3, 0, slog.New(slog.DiscardHandler)))
	acknowledged, number := uint64(0), 0
	ask := func() {
		t.Helper()
		last, err := s.LastSequence(deadline(t))
		if passes(err) {
			return
		}
		require.NoError(t, err)
		require.GreaterOrEqual(t, last, acknowledged)
	}
	askFor := func(during time.Duration) {
		t.Helper()
		for begun := time.Now(); time.Since(begun) < during; {
			ask()
			_, err := streams.State(deadline(t), upstream.Projects)
			require.NoError(t, err)
			<-time.After(5 * time.Millisecond)
		}
	}
	write := func() {
		t.Helper()
		number++ // if it fails it may have been stored or not
		if last, err := s.AppendBatch(deadline(t), references(number, number)); err == nil {
			acknowledged = last
		}
	}
	askFor(1500 * time.Millisecond)
	for range 2 {
		write()
		askFor(2100 * time.Millisecond)
	}
	for range 2 {
		_, err := s.Conn().RequestWithContext(deadline(t), "$JS.API.STREAM.LEADER.STEPDOWN."+eventstore.Stream, nil)
		require.NoError(t, err)
		for range 50 {
			ask()
		}
		number++
		require.Eventually(t, func() bool {
			last, err := s.AppendBatch(deadline(t), references(number, number))
			acknowledged = max(acknowledged, last)
			return err == nil
		}, 30*time.Second, 10*time.Millisecond)
		ask()
	}
}

// passes reports whether an error is that of an election.
func passes(err error) bool {
	var refusal *jetstream.APIError
	return errors.As(err, &refusal) && refusal.Code == 503 || errors.Is(err, context.DeadlineExceeded)
}

// The last one of three servers loses its quorum within seconds.
func TestALeaderWithoutAQuorumIsRefusedSoon(t *testing.T) {
	t.Parallel()
	cluster, stores := threeReplicas(t)
	stream, err := stores[0].JetStream().Stream(deadline(t), eventstore.Stream)
	require.NoError(t, err)
	leader := -1
	for i, server := range cluster.Servers {
		if server.Name() == stream.CachedInfo().Cluster.Leader {
			leader = i
		}
	}
	for i := range cluster.Servers {
		if i != leader {
			cluster.Stop(i)
		}
	}
	require.Eventually(t, func() bool {
		_, err := stores[leader].LastSequence(deadline(t))
		return err != nil
	}, 6*time.Second, 10*time.Millisecond) // NATS itself takes 10 s
	for begun := time.Now(); time.Since(begun) < time.Second; {
		_, err := stores[leader].LastSequence(deadline(t))
		require.Error(t, err)
		<-time.After(20 * time.Millisecond)
	}
}
