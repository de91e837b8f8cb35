package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/stretchr/testify/require"
)

// onOneAndThree runs a test on a single server and on a cluster.
func onOneAndThree(t *testing.T, test func(t *testing.T, s *eventstore.Store)) {
	t.Parallel()
	t.Run("one server", func(t *testing.T) {
		t.Parallel()
		test(t, singleNode(t))
	})
	t.Run("three servers", func(t *testing.T) {
		t.Parallel()
		_, stores := threeReplicas(t)
		test(t, stores[1])
	})
}

// references are entries about the messages first to last.
func references(first, last int) (entries []eventstore.Entry) {
	for n := first; n <= last; n++ {
		entries = append(entries, eventstore.Entry{Reference: learned(uint64(n))})
	}
	return entries
}

func TestABatchIsStoredInItsOrder(t *testing.T) {
	onOneAndThree(t, func(t *testing.T, s *eventstore.Store) {
		after, n := 0, 1
		for _, length := range []int{1, 15, 16, 500, eventstore.MaxBatch} {
			entries := references(n, n+length-1)
			last, err := s.AppendBatch(deadline(t), entries)
			for errors.Is(err, domain.ErrUnknownOutcome) { // on a busy machine; a conflict shows that it is stored
				if last, err = s.AppendBatch(deadline(t), entries); errors.Is(err, domain.ErrConflict) {
					last, err = s.LastSequence(deadline(t))
				}
			}
			require.NoError(t, err, length)
			require.Equal(t, uint64(after+length), last)
			after, n = after+length, n+length
		}
		for i, record := range stored(t, s) {
			require.Equal(t, uint64(i+1), record.Sequence)
			require.Equal(t, learned(uint64(i+1)), *record.Reference)
		}
	})
}

func TestAnEmptyBatchIsNothing(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.AppendBatch(deadline(t), nil)
	require.NoError(t, err)
	require.Empty(t, stored(t, s))
}

// A batch may contain several events of a client, of which only the first has a condition.
func TestABatchWithEventsIsStoredWholeOrNotAtAll(t *testing.T) {
	onOneAndThree(t, func(t *testing.T, s *eventstore.Store) {
		appended := s.Counts.Appended.Load()
		result, err := s.Append(deadline(t), created(1), 0)
		require.NoError(t, err)
		another, err := s.Append(deadline(t), created(2), 0)
		require.NoError(t, err)
		run := func(first int, mine, others uint64) []eventstore.Entry {
			changed := func(id int64, version uint64) *domain.Envelope {
				e := happened(version, domain.ClientInvoiceDefaultsChanged{ID: id, LastInvoiceKind: fmt.Sprint("kind ", version)})
				return &e
			}
			return []eventstore.Entry{
				{Reference: learned(uint64(first))},
				{Event: changed(1, 2), LastSequence: &mine},
				{Reference: learned(uint64(first + 1))},
				{Event: changed(1, 3)},
				{Event: changed(2, 2), LastSequence: &others},
				{Reference: learned(uint64(first + 2))},
			}
		}
		for _, stale := range [][2]uint64{{result.Sequence, another.Sequence + 1}, {result.Sequence + 100, another.Sequence}, {0, another.Sequence}} {
			_, err = s.AppendBatch(deadline(t), run(1, stale[0], stale[1]))
			require.ErrorIs(t, err, domain.ErrConflict)
			require.NotErrorIs(t, err, domain.ErrUnknownOutcome)
			require.Len(t, stored(t, s), 2)
		}
		last, err := s.AppendBatch(deadline(t), run(1, result.Sequence, another.Sequence))
		require.NoError(t, err)
		require.Equal(t, uint64(8), last)
		records := stored(t, s)
		require.Len(t, records, 8)
		require.Equal(t, uint64(1), records[2].Reference.Source.Sequence)
		require.Equal(t, uint64(2), records[3].Version)
		require.Equal(t, uint64(2), records[4].Reference.Source.Sequence)
		require.Equal(t, uint64(3), records[5].Version)
		require.Equal(t, int64(2), records[6].ClientID)
		require.Equal(t, uint64(3), records[7].Reference.Source.Sequence)
		require.Equal(t, appended+5, s.Counts.Appended.Load())

		_, err = s.AppendBatch(deadline(t), run(4, records[3].Sequence, records[6].Sequence))
		require.ErrorIs(t, err, domain.ErrConflict, "the client has gone on within that run")
		_, err = s.Append(deadline(t), happened(4, domain.ClientToggled{ID: 1}), records[5].Sequence)
		require.NoError(t, err, "what comes next follows on the last event of the run")
	})
}

func TestABatchWithASingleEventKeepsItsCondition(t *testing.T) {
	onOneAndThree(t, func(t *testing.T, s *eventstore.Store) {
		event, none, wrong := created(1), uint64(0), uint64(5)
		_, err := s.AppendBatch(deadline(t), []eventstore.Entry{{Event: &event, LastSequence: &wrong}})
		require.ErrorIs(t, err, domain.ErrConflict)
		last, err := s.AppendBatch(deadline(t), []eventstore.Entry{{Event: &event, LastSequence: &none}})
		require.NoError(t, err)
		require.Equal(t, uint64(1), last)
	})
}

// References that were stored by another replica, or by an attempt whose response was lost, are not stored again.
func TestABatchOfReferencesThatIsRepeatedChangesNothing(t *testing.T) {
	onOneAndThree(t, func(t *testing.T, s *eventstore.Store) {
		last, err := s.AppendBatch(deadline(t), references(1, 5))
		require.NoError(t, err)
		again, err := s.AppendBatch(deadline(t), references(1, 5))
		require.NoError(t, err)
		require.Equal(t, last, again)
		more, err := s.AppendBatch(deadline(t), references(3, 7))
		require.NoError(t, err)
		require.Equal(t, uint64(7), more)
		for _, overlap := range [][2]int{{1, 30}, {7, 30}, {1, 20}} {
			_, err = s.AppendBatch(deadline(t), references(overlap[0], overlap[1]))
			require.ErrorIs(t, err, domain.ErrConflict)
			require.NotErrorIs(t, err, domain.ErrUnknownOutcome)
		}
		require.Len(t, stored(t, s), 7)
		_, err = s.AppendBatch(deadline(t), references(8, 30))
		require.NoError(t, err)
		require.Len(t, stored(t, s), 30)
	})
}

// A message that is read again in another generation, and one that an operator retries, is recorded again.
func TestAReferenceOfAnotherGenerationIsNoDuplicate(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	for generation := range 3 {
		entries := references(1, 20)
		for i := range entries {
			entries[i].Reference.Source.Generation = generation
		}
		_, err := s.AppendBatch(deadline(t), entries)
		require.NoError(t, err)
	}
	late := learned(3)
	late.Late = true
	for range 2 {
		_, err := s.AppendBatch(deadline(t), []eventstore.Entry{{Reference: late}})
		require.NoError(t, err)
	}
	require.Len(t, stored(t, s), 62)
}

func TestConcurrentBatchesAreContiguous(t *testing.T) {
	t.Parallel()
	_, stores := threeReplicas(t)
	const runs, length = 9, 40
	errs := make(chan error, runs)
	for run := range runs {
		go func() {
			_, err := stores[run%3].AppendBatch(deadline(t), references(run*length+1, run*length+length))
			errs <- err
		}()
	}
	for range runs {
		require.NoError(t, <-errs)
	}
	records := stored(t, stores[0])
	require.Len(t, records, runs*length)
	for i, record := range records {
		if i%length != 0 {
			require.Equal(t, records[i-1].Reference.Source.Sequence+1, record.Reference.Source.Sequence)
		}
	}
}

func TestABatchIsRefusedAfterTheStoreWasClosed(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	s.Close()
	_, err := s.AppendBatch(deadline(t), references(1, 1))
	requireUnavailable(t, err)
	require.NotErrorIs(t, err, domain.ErrUnknownOutcome)
}

func TestABatchWithoutAServerIsRefusedInTime(t *testing.T) {
	t.Parallel()
	cluster, stores := threeReplicas(t)
	cluster.Stop(1)
	cluster.Stop(2)
	for _, length := range []int{1, 100} { // there is a server, and no majority
		begun := time.Now()
		_, err := stores[0].AppendBatch(deadline(t), references(1, length))
		requireUnavailable(t, err)
		require.Less(t, time.Since(begun), 10*time.Second, "the context ends after a minute")
	}
	cluster.Stop(0)
	for _, length := range []int{1, 100} {
		begun := time.Now()
		_, err := stores[0].AppendBatch(deadline(t), references(1, length))
		requireUnavailable(t, err)
		require.Less(t, time.Since(begun), 10*time.Second, "the context ends after a minute")
	}
	ctx, cancel := context.WithCancel(deadline(t))
	cancel()
	_, err := stores[0].AppendBatch(ctx, references(1, 100))
	requireUnavailable(t, err)
}

func requireUnavailable(t *testing.T, err error) {
	t.Helper()
	var refusal *domain.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, domain.Unavailable, refusal.Kind)
}
