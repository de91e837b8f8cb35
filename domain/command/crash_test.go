package command_test

import (
	"testing"
	"testing/synctest"

	"clients/domain"
	"clients/domain/command"

	"github.com/stretchr/testify/require"
)

// A request that ended in a crash leaves a record without a result, and an event or none.
func TestARecordLeftByACrash(t *testing.T) {
	t.Parallel()
	t.Run("finds the event that was stored", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.store(created)
			h := w.replica()
			w.afterAppend = func(int) error { return &domain.Error{Kind: domain.Unavailable, Cause: domain.ErrUnknownOutcome} }
			_, err := h.Handle(t.Context(), keyed(toggle()))
			require.ErrorIs(t, err, domain.ErrUnknownOutcome)
			require.Nil(t, w.keys[acme+"/key"].Result)
			w.storeElsewhere(domain.ClientUpdated{ID: 7, Name: new("others go on")})

			again, err := w.replica().Handle(t.Context(), keyed(toggle()))
			require.NoError(t, err)
			require.Equal(t, command.Result{ClientID: 7, Revision: domain.Revision{Version: 2, Checksum: 1001}}, again)
			require.Equal(t, 1, w.attempts())
			require.Equal(t, &again.Revision, w.keys[acme+"/key"].Result)
		})
	})
	t.Run("stores the event that was not", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.beforeAppend = func(attempt int) error {
				if attempt == 1 {
					return &domain.Error{Kind: domain.Unavailable, Cause: domain.ErrUnknownOutcome}
				}
				return nil
			}
			_, err := w.replica().Handle(t.Context(), keyed(create("A")))
			require.ErrorIs(t, err, domain.ErrUnknownOutcome)
			reserved := w.keys[acme+"/key"]

			result, err := w.replica().Handle(t.Context(), keyed(create("A")))
			require.NoError(t, err)
			require.Equal(t, reserved.ClientID, result.ClientID)
			require.Len(t, w.stream, 1)
			require.Equal(t, reserved.EventID, w.stream[0].EventID)
			require.Equal(t, w.appends[0].EventID, w.appends[1].EventID, "the stream can deduplicate them")
		})
	})
	t.Run("finds the deletion that was stored", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.store(created)
			w.afterAppend = func(int) error { return &domain.Error{Kind: domain.Unavailable, Cause: domain.ErrUnknownOutcome} }
			_, err := w.replica().Handle(t.Context(), keyed(remove()))
			require.ErrorIs(t, err, domain.ErrUnknownOutcome)
			w.followed = len(w.stream) // and by now it shows
			_, err = w.replica().Handle(t.Context(), keyed(remove()))
			require.NoError(t, err, "not: not found")
			require.Len(t, w.stream, 2)
		})
	})
	t.Run("decides nothing while the leader lacks an event that the directory shows", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.store(created)
			w.afterAppend = func(attempt int) error {
				if attempt > 1 {
					return nil
				}
				return &domain.Error{Kind: domain.Unavailable, Cause: domain.ErrUnknownOutcome}
			}
			_, err := w.replica().Handle(t.Context(), keyed(toggle()))
			require.ErrorIs(t, err, domain.ErrUnknownOutcome)
			w.followed, w.leader = len(w.stream), 1
			_, err = w.replica().Handle(t.Context(), keyed(toggle()))
			require.ErrorIs(t, err, &domain.Error{Kind: domain.Unavailable})
			w.leader = 0
			again, err := w.replica().Handle(t.Context(), keyed(toggle()))
			require.NoError(t, err)
			require.Equal(t, uint64(2), again.Revision.Version)
			require.Len(t, w.stream, 2)
		})
	})
	t.Run("decides nothing while it cannot look for the event", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.store(created)
			w.keys[acme+"/key"] = domain.IdempotencyRecord{Fingerprint: "fingerprint", ClientID: 7, EventID: "event-0"}
			failure := domain.Errorf(domain.Unavailable, "no leader")
			w.beforeFind = func(int) error { return failure }
			_, err := w.replica().Handle(t.Context(), keyed(toggle()))
			require.ErrorIs(t, err, failure)
			require.Zero(t, w.attempts())
			require.Contains(t, w.keys, acme+"/key")
		})
	})
}

func TestARecordIsStoredBeforeItsEvent(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	w.beforeAppend = func(int) error {
		require.Equal(t, domain.IdempotencyRecord{Fingerprint: "fingerprint", ClientID: 7, EventID: "event-1", After: 1}, w.keys[acme+"/key"])
		return nil
	}
	_, err := w.replica().Handle(t.Context(), keyed(toggle()))
	require.NoError(t, err)
	require.Equal(t, "event-1", w.stream[1].EventID)
}
