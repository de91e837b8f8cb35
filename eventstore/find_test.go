package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// changed stores the creation of client 1 and a number of changes of it, with an event of another client before each, and
// returns them.
func changed(t *testing.T, s *eventstore.Store, changes int) (all []domain.Envelope, results []domain.AppendResult) {
	t.Helper()
	last := uint64(0)
	for version := range uint64(changes + 1) {
		e := happened(version+1, domain.ClientToggled{ID: 1, Active: version%2 == 0})
		if version == 0 {
			e = created(1)
		}
		result, err := s.Append(t.Context(), e, last)
		for begun := time.Now(); err != nil && time.Since(begun) < 10*time.Second; {
			result, err = s.Append(t.Context(), e, last) // a server that has just become the leader may lack the last event
		}
		require.NoError(t, err)
		all, results, last = append(all, e), append(results, result), result.Sequence
		if version%100 == 0 {
			_, err := s.Append(deadline(t), created(int64(1000+version)), 0)
			require.NoError(t, err)
		}
	}
	return all, results
}

func TestFindSearchesThousandsOfEvents(t *testing.T) {
	t.Parallel()
	for servers, changes := range map[int]int{1: 6000, 3: 500} {
		t.Run(fmt.Sprintf("servers=%d", servers), func(t *testing.T) {
			t.Parallel()
			s := singleOrReplicated(t, servers)
			all, results := changed(t, s, changes)
			var requests atomic.Int64
			_, err := s.Conn().Subscribe("$JS.API.STREAM.MSG.GET."+eventstore.Stream, func(*nats.Msg) { requests.Add(1) })
			require.NoError(t, err)
			lookups := 0
			for _, i := range []int{0, 1, 5, 8, 9, changes / 2, changes - 1, changes} {
				result, found, err := s.Find(deadline(t), domain.Lookup{Account: "test", ClientID: 1, EventID: all[i].EventID})
				require.NoError(t, err)
				require.True(t, found, i)
				require.Equal(t, results[i], result)
				lookups++
			}
			for _, after := range []int{0, 1, changes / 2, changes - 8, changes - 1, changes} {
				_, found, err := s.Find(deadline(t), domain.Lookup{Account: "test", ClientID: 1, EventID: "never stored", After: results[after].Sequence})
				require.NoError(t, err)
				require.False(t, found)
				lookups++
			}
			require.LessOrEqual(t, requests.Load(), int64(lookups*(changes/50+10)), "many are read at once")
		})
	}
}

// An event that is not stored is reported as such however many events the client has, those of others between them.
func TestFindReportsAnEventThatIsNotStored(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	first, err := s.Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	last := first.Sequence
	for version := uint64(2); version < 15; version++ {
		_, err := s.Append(deadline(t), created(int64(version)), 0)
		require.NoError(t, err)
		result, err := s.Append(deadline(t), happened(version, domain.ClientToggled{ID: 1, Active: version%2 == 0}), last)
		require.NoError(t, err)
		last = result.Sequence
		_, found, err := s.Find(deadline(t), domain.Lookup{Account: "test", ClientID: 1, EventID: "never stored", After: first.Sequence})
		require.NoError(t, err, "%d changes", version-1)
		require.False(t, found)
	}
}

func TestFindEndsAtEventsStoredTooLate(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	all, results := changed(t, s, 40)
	find := func(i int, before time.Time) bool {
		_, found, err := s.Find(deadline(t), domain.Lookup{Account: "test", ClientID: 1, EventID: all[i].EventID, Before: before})
		require.NoError(t, err)
		return found
	}
	history := stored(t, s)
	for _, i := range []int{3, 20} {
		at := history[results[i].Sequence-1].StoredAt
		require.True(t, find(i, at))
		require.True(t, find(i, at.Add(time.Hour)))
		require.False(t, find(i, history[results[i-2].Sequence-1].StoredAt))
	}
}

// Of two events of a client with one version the first counts, whichever id the other one has.
func TestFindPassesOverAnEventWhoseVersionTheClientHad(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	first, err := s.Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	own, other := happened(2, domain.ClientToggled{ID: 1}), happened(2, domain.ClientToggled{ID: 1, Active: true})
	find := func(eventID string) (uint64, bool) {
		result, found, err := s.Find(deadline(t), domain.Lookup{Account: "test", ClientID: 1, EventID: eventID, After: first.Sequence})
		require.NoError(t, err)
		return result.Sequence, found
	}
	counted, err := s.Append(deadline(t), other, first.Sequence)
	require.NoError(t, err)
	foreign, err := s.Append(deadline(t), own, counted.Sequence) // its condition holds, its version is late
	require.NoError(t, err)
	_, found := find(own.EventID)
	require.False(t, found)
	next, err := s.Append(deadline(t), happened(3, domain.ClientToggled{ID: 1}), foreign.Sequence)
	require.NoError(t, err)
	_, found = find(own.EventID)
	require.False(t, found)

	again, _, err := eventstore.Encode(other)
	require.NoError(t, err)
	again.Header.Del(nats.MsgIdHdr)
	_, err = s.JetStream().PublishMsg(deadline(t), again)
	require.NoError(t, err)
	sequence, found := find(other.EventID)
	require.True(t, found)
	require.Equal(t, counted.Sequence, sequence, "not that of its copy")
	require.Greater(t, next.Sequence, sequence)
}

// A leader without the events that the caller has read may lack the searched event as well.
func TestFindWaitsForALeaderThatIsBehind(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	all, results := changed(t, s, 3)
	l := domain.Lookup{Account: "test", ClientID: 1, EventID: "never stored", Shown: results[3].Sequence}
	_, found, err := s.Find(deadline(t), l)
	require.NoError(t, err)
	require.False(t, found)
	l.Shown++
	find := func() (err error) { // on a slow machine a response may be late
		for err = context.DeadlineExceeded; errors.Is(err, context.DeadlineExceeded) && t.Context().Err() == nil; {
			_, _, err = s.Find(deadline(t), l)
		}
		return err
	}
	require.ErrorIs(t, find(), eventstore.ErrBehind)
	l.ClientID, l.EventID = 2, all[0].EventID
	require.ErrorIs(t, find(), eventstore.ErrBehind, "nor a leader without any event of the client")
}

// A single server of three finds the events that it has, and soon stops reporting that an event does not exist.
func TestFindWithoutAQuorumDoesNotReportAbsence(t *testing.T) {
	t.Parallel()
	cluster, stores := threeReplicas(t)
	all, _ := changed(t, stores[0], 2)
	stream, err := stores[0].JetStream().Stream(deadline(t), eventstore.Stream)
	require.NoError(t, err)
	leader := 0
	for i, server := range cluster.Servers {
		if server.Name() == stream.CachedInfo().Cluster.Leader {
			leader = i
		}
	}
	var stopping sync.WaitGroup
	for i := range cluster.Servers {
		if i != leader {
			stopping.Go(func() { cluster.Stop(i) })
		}
	}
	stopping.Wait()
	l := domain.Lookup{Account: "test", ClientID: 1, EventID: "never stored"}
	require.Eventually(t, func() bool {
		_, _, err := stores[leader].Find(deadline(t), l)
		return err != nil
	}, 6*time.Second, 10*time.Millisecond) // NATS itself takes 10 s
	for range 3 {
		_, _, err := stores[leader].Find(deadline(t), l)
		require.Error(t, err)
	}
	l.EventID = all[1].EventID
	_, found, err := stores[leader].Find(deadline(t), l)
	require.True(t, found || err != nil)
}
