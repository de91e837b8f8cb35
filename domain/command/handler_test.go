package command_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"clients/domain"
	"clients/domain/command"

	"github.com/stretchr/testify/require"
)

func TestAnEventIsStoredWithItsMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := w.replica()
	h.Now = func() time.Time { return now }
	request := rename("B")
	request.Actor, request.CorrelationID, request.CausationID, request.Traceparent = "ann", "correlation", "cause", "00-trace"

	result, err := h.Handle(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, domain.Envelope{
		EventID: "event-1", Account: acme, Event: domain.ClientUpdated{ID: 7, Name: new("B")}, Version: 2, Time: now,
		Actor: "ann", CorrelationID: "correlation", CausationID: "cause", Traceparent: "00-trace",
	}, w.stream[1])
	require.Equal(t, command.Result{ClientID: 7, Revision: w.revision(7)}, result)
	require.Equal(t, "B", w.State(acme, 7).Client.Name, "the directory shows it when Handle returns")
	w.ended(t, command.Applied)
}

func TestCreate(t *testing.T) {
	t.Parallel()
	w := newWorld()
	result, err := w.replica().Handle(t.Context(), create("A"))
	require.NoError(t, err)
	require.Equal(t, command.Result{ClientID: 101, Revision: w.revision(101)}, result)
	want := domain.ClientCreated{ID: 101, Name: "A", Currency: dollars, CurrencySymbol: "$", Active: true}
	require.Equal(t, []domain.Event{want}, w.events(101))
	require.Equal(t, uint64(1), w.stream[0].Version)
}

func TestCreateTakesTheNextIDWhenOneIsTaken(t *testing.T) {
	t.Parallel()
	for name, follow := range map[string]func(*world){
		"as the directory shows":         func(w *world) { w.followed = len(w.stream) },
		"though the directory is behind": func(*world) {},
		"by a client that was deleted":   func(w *world) { w.storeElsewhere(domain.ClientDeleted{ID: 101}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.storeElsewhere(domain.ClientCreated{ID: 101, Name: "theirs"})
			follow(w)
			before := w.events(101)
			h := w.replica()
			h.IDs = &counter{next: 101} // starts over, as after a restore
			result, err := h.Handle(t.Context(), create("A"))
			require.NoError(t, err)
			require.Equal(t, int64(102), result.ClientID)
			require.Equal(t, before, w.events(101), "the client there is left alone")
			require.Len(t, w.events(102), 1)
		})
	}
}

// counter ignores the floor.
type counter struct{ next int64 }

func (c *counter) NextID(context.Context, int64) (int64, error) {
	c.next++
	return c.next - 1, nil
}

func TestIDsAreAboveTheHighestKnown(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(domain.ClientCreated{ID: 5000, Name: "A"})
	result, err := w.replica().Handle(t.Context(), create("B"))
	require.NoError(t, err)
	require.Equal(t, int64(5001), result.ClientID)
}

func TestACommandThatChangesNothingIsNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	result, err := w.replica().Handle(t.Context(), rename("A"))
	require.NoError(t, err)
	require.Equal(t, command.Result{ClientID: 7, Revision: w.revision(7)}, result)
	require.Zero(t, w.attempts())
	w.ended(t, command.Unchanged)
}

func TestRefusalsRestOnAFreshState(t *testing.T) {
	t.Parallel()
	t.Run("a client that the directory does not have yet is changed", func(t *testing.T) {
		t.Parallel()
		w := newWorld()
		w.storeElsewhere(created)
		_, err := w.replica().Handle(t.Context(), rename("B"))
		require.NoError(t, err)
		require.Len(t, w.events(7), 2)
	})
	t.Run("a change that was undone meanwhile is a change", func(t *testing.T) {
		t.Parallel()
		w := newWorld()
		w.store(created)
		w.storeElsewhere(domain.ClientUpdated{ID: 7, Name: new("B")})
		result, err := w.replica().Handle(t.Context(), rename("A"))
		require.NoError(t, err)
		require.Equal(t, uint64(3), result.Revision.Version)
	})
	t.Run("a client that does not exist is not found after one read", func(t *testing.T) {
		t.Parallel()
		w := newWorld()
		_, err := w.replica().Handle(t.Context(), remove())
		requireKind(t, domain.NotFound, err)
		require.Equal(t, 1, w.refreshes)
		w.ended(t, command.Refused)
	})
	t.Run("a client of another account is not found", func(t *testing.T) {
		t.Parallel()
		w := newWorld()
		w.store(created)
		request := remove()
		request.Account = "other"
		_, err := w.replica().Handle(t.Context(), request)
		requireKind(t, domain.NotFound, err)
		require.Len(t, w.events(7), 1)
	})
	t.Run("an invalid command is refused at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld()
		w.store(created)
		_, err := w.replica().Handle(t.Context(), rename(" "))
		requireKind(t, domain.Invalid, err)
		require.Zero(t, w.refreshes)
	})
	t.Run("nothing is refused while the state cannot be read", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.refreshErr = errors.New("no responders")
			_, err := w.replica().Handle(t.Context(), rename("B"))
			requireKind(t, domain.Unavailable, err)
			require.ErrorIs(t, err, w.refreshErr)
			w.ended(t, command.Failed)
		})
	})
}

func TestAStoredEventSucceedsAlthoughReadsAreLate(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	w.stuck = true
	result, err := w.replica().Handle(t.Context(), rename("B"))
	require.NoError(t, err)
	require.Equal(t, w.revision(7), result.Revision)
}

func TestAFailedAppendIsNotRepeated(t *testing.T) {
	t.Parallel()
	unavailable := domain.Errorf(domain.Unavailable, "no leader")
	unknown := &domain.Error{Kind: domain.Unavailable, Cause: domain.ErrUnknownOutcome}
	for name, c := range map[string]struct {
		script func(*world)
		want   error
		stored int
	}{
		"and nothing was stored":     {func(w *world) { w.beforeAppend = func(int) error { return unavailable } }, unavailable, 1},
		"and the outcome is unknown": {func(w *world) { w.beforeAppend = func(int) error { return unknown } }, domain.ErrUnknownOutcome, 1},
		"though it was stored":       {func(w *world) { w.afterAppend = func(int) error { return unknown } }, domain.ErrUnknownOutcome, 2},
		"when the id is requested":   {func(w *world) { w.idErr = unavailable }, unavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.store(created)
			c.script(w)
			request := rename("B")
			if w.idErr != nil {
				request = create("B")
			}
			_, err := w.replica().Handle(t.Context(), request)
			require.ErrorIs(t, err, c.want)
			require.LessOrEqual(t, w.attempts(), 1, "an unknown outcome is never decided anew")
			require.Len(t, w.stream, c.stored)
			w.ended(t, command.Failed)
		})
	}
}

func TestAFailureNamesWhyNothingCanBeStored(t *testing.T) {
	t.Parallel()
	full := domain.Errorf(domain.Unavailable, "read-only")
	for cause, want := range map[error]error{errors.New("no room"): full, domain.ErrUnknownOutcome: domain.ErrUnknownOutcome} {
		w := newWorld()
		w.store(created)
		h := w.replica()
		var refused error
		h.Writable = func() error { return refused }
		w.beforeAppend = func(int) error {
			refused = full
			return domain.NoStore(cause)
		}
		_, err := h.Handle(t.Context(), rename("B"))
		require.ErrorIs(t, err, want)
		require.Equal(t, want == full, err == error(full))
	}
}

func TestACommandTakesLessThanThreeSeconds(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	h := w.replica()
	h.Log = deadlines{t, w}
	_, err := h.Handle(context.Background(), rename("B"))
	require.NoError(t, err)
}

// deadlines requires that every call has a deadline.
type deadlines struct {
	t *testing.T
	*world
}

func (d deadlines) Append(ctx context.Context, e domain.Envelope, lastSequence uint64, hold ...domain.Lease) (domain.AppendResult, error) {
	deadline, ok := ctx.Deadline()
	require.True(d.t, ok)
	require.Less(d.t, time.Until(deadline), 3*time.Second)
	return d.world.Append(ctx, e, lastSequence, hold...)
}
