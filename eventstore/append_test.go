package eventstore_test

import (
	"sync"
	"testing"

	"clients/domain"
	"clients/eventstore"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestAppendStoresTheNextEventOfAClient(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	first, err := s.Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	second, err := s.Append(deadline(t), happened(2, domain.ClientToggled{ID: 1}), first.Sequence)
	require.NoError(t, err)
	records := stored(t, s)
	require.Len(t, records, 2)
	require.Equal(t, domain.ClientToggled{ID: 1}, records[1].Event)
	require.Equal(t, second.Revision, records[1].Revision())
	require.Equal(t, second.Sequence, records[1].Sequence)
}

func TestAppendOnAnOldStateIsAConflict(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	first, err := s.Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	_, err = s.Append(deadline(t), created(1), 0)
	require.ErrorIs(t, err, domain.ErrConflict)
	require.NotErrorIs(t, err, domain.ErrUnknownOutcome)
	_, err = s.Append(deadline(t), happened(2, domain.ClientDeleted{ID: 1}), first.Sequence+1)
	require.ErrorIs(t, err, domain.ErrConflict)
	require.Len(t, stored(t, s), 1)
}

// Many appends at once share atomic batches: each keeps its own condition, and a refused one does not affect the others.
func TestAppendsAtOnceAreStoredOrRefusedEachByItsOwnCondition(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	const n = 80
	var group sync.WaitGroup
	errs := make([]error, n)
	results := make([]domain.AppendResult, n)
	for i := range n {
		group.Go(func() {
			lastSequence := uint64(0)
			if i%5 == 0 {
				lastSequence = 99999 // cannot be
			}
			results[i], errs[i] = appendInTime(t, s, created(int64(i+1)), lastSequence)
		})
	}
	group.Wait()
	bySequence := make(map[uint64]eventstore.Record)
	for _, r := range stored(t, s) {
		bySequence[r.Sequence] = r
	}
	for i := range n {
		if i%5 == 0 {
			require.ErrorIs(t, errs[i], domain.ErrConflict)
			continue
		}
		require.NoError(t, errs[i])
		require.Equal(t, int64(i+1), bySequence[results[i].Sequence].ClientID)
	}
	require.Len(t, bySequence, n*4/5)
}

// With three replicas a conflict usually has another error code than with one.
func TestOfAppendsOnTheSameStateExactlyOneWinsAcrossReplicas(t *testing.T) {
	t.Parallel()
	_, stores := threeReplicas(t)
	last := uint64(0)
	for round := range 40 {
		errs := make([]error, len(stores)*4)
		results := make([]domain.AppendResult, len(errs))
		var group sync.WaitGroup
		for i := range errs {
			event := happened(uint64(round+1), domain.ClientToggled{ID: 1, Active: i%2 == 0})
			group.Go(func() { results[i], errs[i] = stores[i%3].Append(deadline(t), event, last) })
		}
		group.Wait()
		won := 0
		for i, err := range errs {
			if err == nil {
				won, last = won+1, results[i].Sequence
			} else {
				require.ErrorIs(t, err, domain.ErrConflict)
			}
		}
		require.Equal(t, 1, won, "round %d", round)
	}
	require.Len(t, stored(t, stores[0]), 40)
}

// A repeat of a stored message returns the first result, whatever error the server returns.
func TestARepeatOfAnEventIsTheSameEvent(t *testing.T) {
	t.Parallel()
	_, replicated := threeReplicas(t)
	for name, s := range map[string]*eventstore.Store{"one replica": singleNode(t), "three replicas": replicated[0]} {
		t.Run(name, func(t *testing.T) {
			event := created(7)
			first, err := s.Append(deadline(t), event, 0)
			require.NoError(t, err)
			again, err := s.PublishSingly(event, true, unchanged)
			require.NoError(t, err)
			require.Equal(t, first, again)
			require.Len(t, stored(t, s), 1)
		})
	}
}

func unchanged(*nats.Msg) {}

// An event that was sent before, with an unknown outcome, cannot be stored behind another one, nor was it.
func TestAConflictAfterAnUnknownOutcomeIsAConflict(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	another := created(1)
	another.Account = "another"
	for _, event := range []domain.Envelope{created(1), another} {
		_, err = s.PublishSingly(event, true, unchanged)
		require.ErrorIs(t, err, domain.ErrConflict)
	}
	require.Len(t, stored(t, s), 1)
}

func TestAppendWithoutAServerReturnsInTime(t *testing.T) {
	t.Parallel()
	cluster, stores := threeReplicas(t)
	for i := range 3 {
		cluster.Stop(i)
	}
	_, err := stores[0].Append(deadline(t), created(1), 0)
	var refusal *domain.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, domain.Unavailable, refusal.Kind)
}

func TestFindDistinguishesAnEventFromItsNeighbours(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	first, second := created(1), happened(2, domain.ClientToggled{ID: 1})
	a, err := s.Append(deadline(t), first, 0)
	require.NoError(t, err)
	b, err := s.Append(deadline(t), second, a.Sequence)
	require.NoError(t, err)
	result, found, err := s.Find(deadline(t), domain.Lookup{Account: "test", ClientID: 1, EventID: second.EventID, After: 0})
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, b, result)
	last, found, err := s.Find(deadline(t), domain.Lookup{Account: "test", ClientID: 1, EventID: first.EventID, After: a.Sequence})
	require.NoError(t, err)
	require.False(t, found, "it is not behind itself")
	require.Equal(t, b.Sequence, last.Sequence)
	last, found, err = s.Find(deadline(t), domain.Lookup{Account: "test", ClientID: 2, EventID: first.EventID, After: 0})
	require.NoError(t, err)
	require.False(t, found)
	require.Zero(t, last.Sequence)
	_, found, err = s.Find(deadline(t), domain.Lookup{Account: "test", ClientID: 1, EventID: "never stored"})
	require.NoError(t, err)
	require.False(t, found)

	c, err := s.Append(deadline(t), happened(3, domain.ClientToggled{ID: 1, Active: true}), b.Sequence)
	require.NoError(t, err)
	require.Greater(t, c.Sequence, b.Sequence)
	for event, want := range map[string]domain.AppendResult{first.EventID: a, second.EventID: b} {
		result, found, err := s.Find(deadline(t), domain.Lookup{Account: "test", ClientID: 1, EventID: event, After: 0})
		require.NoError(t, err)
		require.True(t, found, "though it is not the last one by now")
		require.Equal(t, want, result)
	}
}

// An event that is refused now may have been stored by an earlier attempt.
func TestARefusalAfterALostResponseIsAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	refused := func(unknown bool) error {
		_, err := s.PublishSingly(created(1), unknown, func(m *nats.Msg) {
			m.Header[jetstream.ExpectedStreamHeader] = []string{"ANOTHER"}
		})
		return err
	}
	require.NotErrorIs(t, refused(false), domain.ErrUnknownOutcome)
	require.ErrorIs(t, refused(true), domain.ErrUnknownOutcome)
}
