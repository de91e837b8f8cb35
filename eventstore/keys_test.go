package eventstore

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/domain"
	"clients/domain/command"

	"github.com/stretchr/testify/require"
)

func TestAKeyIsReservedOnceWhicheverReplicaAsks(t *testing.T) {
	t.Parallel()
	_, stores := threeReplicas(t)
	for _, key := range []string{"a", "ü / * > . \x00", "another"} {
		var mine atomic.Int64
		var group sync.WaitGroup
		standing := make([]command.Reservation, 12)
		for i := range standing {
			group.Go(func() {
				own := command.Reservation{Fingerprint: "f", ClientID: int64(i + 1), EventID: "e", After: 7}
				s, won, err := stores[i%3].Reserve(deadline(t), "test", key, own)
				if err != nil {
					t.Error(err)
				}
				if won {
					mine.Add(1)
				}
				standing[i] = s
			})
		}
		group.Wait()
		require.Equal(t, int64(1), mine.Load())
		for _, s := range standing {
			require.Equal(t, standing[0], s)
		}
	}
}

func TestKeysBelongToTheirAccount(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, mine, err := s.Reserve(deadline(t), "one", "key", command.Reservation{ClientID: 1})
	require.NoError(t, err)
	require.True(t, mine)
	_, mine, err = s.Reserve(deadline(t), "two", "key", command.Reservation{ClientID: 2})
	require.NoError(t, err)
	require.True(t, mine)
}

func TestASettledKeyAnswersAndAReleasedOneIsFree(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	r := command.Reservation{Fingerprint: "f", ClientID: 1, EventID: "e"}
	_, _, err := s.Reserve(deadline(t), "test", "key", r)
	require.NoError(t, err)
	r.Answer = &command.Result{ClientID: 1, Revision: domain.Revision{Version: 2, Checksum: 1<<64 - 1}}
	require.NoError(t, s.Settle(deadline(t), "test", "key", r))
	standing, mine, err := s.Reserve(deadline(t), "test", "key", command.Reservation{})
	require.NoError(t, err)
	require.False(t, mine)
	require.Equal(t, r, standing)
	require.NoError(t, s.Release(deadline(t), "test", "key"))
	_, mine, err = s.Reserve(deadline(t), "test", "key", command.Reservation{})
	require.NoError(t, err)
	require.True(t, mine)
}

func TestKeysEndAfterADay(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	status, err := s.keys.Status(deadline(t))
	require.NoError(t, err)
	require.Equal(t, 24*time.Hour, status.TTL())
}
