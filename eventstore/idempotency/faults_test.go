package idempotency_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore/idempotency"
	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// A follower of the stream of keys may be frozen.
func TestRecordsAreStoredWhileAFollowerIsFrozen(t *testing.T) {
	t.Parallel()
	network := natstest.NewNetwork(t)
	cluster := natstest.Run(t, 3, network.Between)
	s := openStore(t, cluster.Connect(t, 0), 3)
	stream, err := s.JetStream().Stream(deadline(t), idempotency.Stream)
	require.NoError(t, err)
	leader := -1
	for i, server := range cluster.Servers {
		if server.Name() == stream.CachedInfo().Cluster.Leader {
			leader = i
		}
	}
	led := openStore(t, cluster.Connect(t, leader), 3)
	network.Hold(cluster.Servers[(leader+1)%3].Name())
	for i := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		key := fmt.Sprint(i)
		r, own, err := led.Claim(ctx, "test", key, always(domain.IdempotencyRecord{EventID: key}))
		require.NoError(t, err, i)
		require.True(t, own)
		r.Result = &domain.Revision{}
		require.NoError(t, led.Complete(ctx, "test", key, r))
		existing, own, err := led.Claim(ctx, "test", key, always(domain.IdempotencyRecord{}))
		require.NoError(t, err)
		require.False(t, own)
		require.NotNil(t, existing.Result, "what is read is never older than what was stored")
		cancel()
	}
}

// A key is claimed once and has its result, whichever server becomes the leader of the stream.
func TestRecordsAreStoredWhileTheLeaderChanges(t *testing.T) {
	t.Parallel()
	_, stores := threeReplicas(t)
	quit := make(chan struct{})
	var deposing sync.WaitGroup
	deposing.Go(func() {
		for {
			select {
			case <-quit:
				return
			case <-time.After(300 * time.Millisecond):
				_, _ = stores[0].Conn().RequestWithContext(deadline(t), "$JS.API.STREAM.LEADER.STEPDOWN."+idempotency.Stream, nil)
			}
		}
	})
	for i := range 60 {
		key := fmt.Sprint(i)
		won := make(chan domain.IdempotencyRecord, len(stores))
		var twins sync.WaitGroup
		for n, s := range stores {
			twins.Go(func() {
				r, own, err := s.Claim(deadline(t), "test", key, always(domain.IdempotencyRecord{EventID: fmt.Sprint(n)}))
				if err != nil {
					t.Error(err)
				}
				if own {
					won <- r
				}
			})
		}
		twins.Wait()
		require.Len(t, won, 1)
		r := <-won
		r.Result = &domain.Revision{}
		require.NoError(t, stores[0].Complete(deadline(t), "test", key, r))
		existing, _, err := stores[1].Claim(deadline(t), "test", key, always(domain.IdempotencyRecord{}))
		require.NoError(t, err)
		require.Equal(t, r.Result, existing.Result)
		require.Equal(t, r.EventID, existing.EventID)
	}
	close(quit)
	deposing.Wait()
}

// held opens two stores: the messages of the first go through the network, which can hold them up.
func held(t *testing.T, servers int) (network *natstest.Network, held, free *idempotency.Store) {
	t.Helper()
	network, slow, fast := natstest.Held(t, servers)
	return network, openStore(t, slow, servers), openStore(t, fast, servers)
}

// healAfter waits until attempts had no response and then delivers all messages.
func healAfter(network *natstest.Network, attempts int, meanwhile func()) {
	<-time.After(time.Duration(attempts)*idempotency.AttemptTimeout + idempotency.AttemptTimeout/2)
	meanwhile()
	network.Heal()
}

func TestAKeyIsStoredOnceHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprintf("servers=%d", servers), func(t *testing.T) {
			t.Parallel()
			network, s, free := held(t, servers)
			subject, _ := idempotency.SubjectOf("test", "key")
			network.Hold("held")
			go healAfter(network, 2, func() {})
			revision, err := s.Put(deadline(t), subject, []byte("{}"))
			require.NoError(t, err)
			require.Equal(t, uint64(1), revision)
			stream, err := free.JetStream().Stream(deadline(t), idempotency.Stream)
			require.NoError(t, err)
			require.Equal(t, uint64(1), stream.CachedInfo().State.LastSeq)
		})
	}
}

// A takeover stores the same bytes again. One by another replica in the meantime must not be mistaken for it.
func TestATakeoverDuringAnOutageIsAConflict(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprintf("servers=%d", servers), func(t *testing.T) {
			t.Parallel()
			network, s, free := held(t, servers)
			existing, _, err := free.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{EventID: "e"}))
			require.NoError(t, err)
			network.Hold("held")
			go healAfter(network, 1, func() {
				_, err := free.TakeOver(deadline(t), "test", "key", existing)
				if err != nil {
					t.Error(err)
				}
			})
			_, err = s.TakeOver(deadline(t), "test", "key", existing)
			require.ErrorIs(t, err, domain.ErrConflict)
		})
	}
}

func TestCallsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	network, s, _ := held(t, 1)
	network.Hold("held")
	for name, call := range map[string]func(context.Context) error{
		"reserve": func(ctx context.Context) error {
			_, _, err := s.Claim(ctx, "test", "key", always(domain.IdempotencyRecord{}))
			return err
		},
		"take over": func(ctx context.Context) error {
			_, err := s.TakeOver(ctx, "test", "key", domain.IdempotencyRecord{})
			return err
		},
		"settle":  func(ctx context.Context) error { return s.Complete(ctx, "test", "key", domain.IdempotencyRecord{}) },
		"release": func(ctx context.Context) error { return s.Release(ctx, "test", "key", domain.IdempotencyRecord{}) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		begun := time.Now()
		var unavailable *domain.Error
		require.ErrorAs(t, call(ctx), &unavailable, name)
		require.Equal(t, domain.Unavailable, unavailable.Kind, name)
		require.Less(t, time.Since(begun), 4*time.Second, name) // nats.go waits for 5 s
		cancel()
	}
}

// Without the stream no key can be claimed. A start creates it again.
func TestADeletedStreamIsCreatedByAStart(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	require.NoError(t, s.JetStream().DeleteStream(deadline(t), idempotency.Stream))
	_, _, err := s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{EventID: "new"}))
	require.Equal(t, domain.Unavailable, domain.KindOf(err))
	openStore(t, s.Conn(), 1)
	_, own, err := s.Claim(deadline(t), "test", "key", always(domain.IdempotencyRecord{EventID: "new"}))
	require.NoError(t, err)
	require.True(t, own)
}
