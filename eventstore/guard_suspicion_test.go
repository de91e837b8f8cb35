package eventstore_test

import (
	"testing"
	"testing/synctest"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/stretchr/testify/require"
)

// A stream that was replaced is never used again, even if the former one returns.
func TestStreamIsIdentifiedByTheLastMessageRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(t *testing.T, s *eventstore.Store, last *eventstore.Checkpoint)
		another bool
	}{
		"unchanged":     {func(*testing.T, *eventstore.Store, *eventstore.Checkpoint) {}, false},
		"more messages": {func(t *testing.T, s *eventstore.Store, _ *eventstore.Checkpoint) { comes(t, s, 3) }, false},
		"another message at its end": {func(_ *testing.T, _ *eventstore.Store, last *eventstore.Checkpoint) {
			last.StoredAt = last.StoredAt.Add(-time.Second)
		}, true},
		"last message missing":           {func(_ *testing.T, _ *eventstore.Store, last *eventstore.Checkpoint) { last.Sequence++ }, true},
		"recreated with the same length": {func(t *testing.T, s *eventstore.Store, _ *eventstore.Checkpoint) { remake(t, s) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := singleNode(t)
			comes(t, s, 1)
			comes(t, s, 2)
			records := stored(t, s)
			last := eventstore.Checkpoint{records[1].Sequence, records[1].StoredAt}
			other := openStore(t, s.Conn(), 1)
			c.change(t, other, &last)
			s.SetCheckpoint(last)
			_, err := s.LastSequence(deadline(t))
			if !c.another {
				require.NoError(t, err)
				require.NoError(t, s.CheckMessage(deadline(t), last))
				return
			}
			require.ErrorIs(t, err, eventstore.ErrReplaced)
			s.SetCheckpoint(eventstore.Checkpoint{})
			_, err = s.LastSequence(deadline(t))
			require.ErrorIs(t, err, eventstore.ErrReplaced, "it does not become the other one again")
			_, err = s.Append(deadline(t), created(9), 0)
			require.ErrorIs(t, err, eventstore.ErrReplaced)
			require.NotErrorIs(t, err, domain.ErrUnknownOutcome, "nothing was sent")
			_, err = s.AppendBatch(deadline(t), references(1, 1))
			require.ErrorIs(t, err, eventstore.ErrReplaced)
		})
	}
}

func remake(t *testing.T, s *eventstore.Store) {
	require.NoError(t, s.JetStream().DeleteStream(deadline(t), eventstore.Stream))
	other := openStore(t, s.Conn(), 1)
	comes(t, other, 1)
	comes(t, other, 2)
}

// An event that is stored at a sequence which was read before is in another stream. Its outcome is unknown, although it was
// stored.
func TestEventInAnotherStreamHasAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, append := range map[string]func(t *testing.T, s *eventstore.Store) error{
		"alone": func(t *testing.T, s *eventstore.Store) error {
			_, err := s.Append(deadline(t), created(1), 0)
			return err
		},
		"in a batch": func(t *testing.T, s *eventstore.Store) error {
			flushed, stored := s.FlushTogether(created(1), created(2))
			require.True(t, stored)
			require.ErrorIs(t, flushed[1].Err, eventstore.ErrReplaced)
			return flushed[0].Err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := singleNode(t)
			s.AdvanceTo(eventstore.Checkpoint{Sequence: 2})
			err := append(t, s)
			require.ErrorIs(t, err, eventstore.ErrReplaced)
			require.ErrorIs(t, err, domain.ErrUnknownOutcome)
		})
	}
}

// A server of a cluster may be behind for a while.
func TestLeaderMayBeBehindForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &eventstore.Guard{}
		says := func(d time.Duration) (err error) {
			for begun := time.Now(); time.Since(begun) < d; time.Sleep(eventstore.SuspicionGap / 4) {
				err = g.FailIfCertain(eventstore.ErrReplaced)
			}
			return err
		}
		require.ErrorIs(t, says(eventstore.StaleLeader-time.Second), eventstore.ErrBehind)
		g.EndSuspicion()
		require.ErrorIs(t, says(eventstore.StaleLeader-time.Second), eventstore.ErrBehind, "it had caught up in between")
		time.Sleep(2 * eventstore.SuspicionGap)
		require.ErrorIs(t, says(eventstore.StaleLeader-time.Second), eventstore.ErrBehind, "no response in between")
		require.ErrorIs(t, says(2*time.Second), eventstore.ErrReplaced)
		require.ErrorIs(t, g.Fault(), eventstore.ErrReplaced)
	})
}

func TestTailsOfAClusterDetectThatTheStreamIsRecreated(t *testing.T) {
	t.Parallel()
	_, stores := threeReplicas(t)
	_, err := stores[0].Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	var ended []<-chan error
	for _, s := range stores[:2] {
		ended = append(ended, tailed(t, s, 1))
	}
	require.NoError(t, stores[2].JetStream().DeleteStream(deadline(t), eventstore.Stream))
	other := openStore(t, stores[2].Conn(), 3)
	for id := range int64(3) {
		_, err := other.Append(deadline(t), created(id+2), 0)
		require.NoError(t, err)
	}
	for n, s := range stores[:2] {
		require.ErrorIs(t, <-ended[n], eventstore.ErrReplaced)
		_, err := s.Append(deadline(t), happened(2, domain.ClientToggled{ID: 1}), 1)
		require.ErrorIs(t, err, eventstore.ErrReplaced)
	}
}
