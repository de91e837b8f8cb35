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

func TestAToggleThatDeactivatesAfterAConflictPassesTheBarrier(t *testing.T) {
	t.Parallel()
	for name, held := range map[string]domain.References{"and is refused": projects, "and goes through": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.store(created, off)
			w.meanwhile(on)
			w.setReferences(held)
			_, err := w.replica().Handle(t.Context(), toggle())
			require.Equal(t, 1, w.crossings())
			if held == projects {
				requireKind(t, domain.Blocked, err)
				require.Equal(t, []domain.Event{created, off, on}, w.events(7))
				w.ended(t, command.Conflict, command.Refused)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []domain.Event{created, off, on, off}, w.events(7))
			w.ended(t, command.Conflict, command.Applied)
		})
	}
}

func TestADeactivationThatConflictsBehindTheBarrierPassesItOnce(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	w.meanwhile(domain.ClientUpdated{ID: 7, Name: new("B")})
	_, err := w.replica().Handle(t.Context(), toggle())
	require.NoError(t, err)
	require.Equal(t, 1, w.crossings(), "what was acknowledged when the command came is shown already")
	require.Len(t, w.events(7), 3)
}

func TestAClientDeletedDuringTheBarrierIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	w.beforeBarrier = func() error { w.storeElsewhere(domain.ClientDeleted{ID: 7}); return nil }
	_, err := w.replica().Handle(t.Context(), toggle())
	requireKind(t, domain.NotFound, err)
	require.Len(t, w.events(7), 2)
}

func TestAToggleOfAClientDeactivatedDuringTheBarrierActivatesIt(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	w.beforeBarrier = func() error { w.storeElsewhere(off); return nil }
	_, err := w.replica().Handle(t.Context(), toggle())
	require.NoError(t, err)
	require.Equal(t, []domain.Event{created, off, on}, w.events(7))
}

func TestOtherCommandsOnTheClientDoNotWaitForTheBarrier(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		h := w.replica()
		waiting, open := make(chan struct{}), make(chan struct{})
		w.beforeBarrier = func() error { close(waiting); <-open; return nil }
		removed := make(chan error, 1)
		go func() {
			_, err := h.Handle(t.Context(), remove())
			removed <- err
		}()
		<-waiting
		begun := time.Now()
		_, err := h.Handle(t.Context(), rename("B"))
		require.NoError(t, err)
		require.Zero(t, time.Since(begun))
		close(open)
		require.NoError(t, <-removed)
		require.Equal(t, []domain.Event{created, domain.ClientUpdated{ID: 7, Name: new("B")}, domain.ClientDeleted{ID: 7}}, w.events(7))
	})
}

func TestTheBarrierDoesNotUseUpTheTimeOfTheCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		w.beforeBarrier = func() error { time.Sleep(4900 * time.Millisecond); return nil }
		h := w.replica()
		h.Log = lively{w}
		_, err := h.Handle(t.Context(), remove())
		require.NoError(t, err)
	})
}

// lively refuses to store anything after the end of the context.
type lively struct{ *world }

func (l lively) Append(ctx context.Context, e domain.Envelope, lastSequence uint64, hold ...domain.Lease) (domain.AppendResult, error) {
	if ctx.Err() != nil {
		return domain.AppendResult{}, domain.NoStore(ctx.Err())
	}
	return l.world.Append(ctx, e, lastSequence, hold...)
}

// The record stays, because another request may have taken it over during the wait. A retry takes it over in turn.
func TestARetryAfterAFailedBarrierIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]command.Request{"toggle": toggle(), "delete": remove(), "deactivate": deactivate()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.store(created)
				w.beforeBarrier = func() error { return errors.New("no responders") }
				_, err := w.replica().Handle(t.Context(), keyed(request))
				requireKind(t, domain.Unavailable, err)
				require.Zero(t, w.attempts())
				reserved := w.keys[acme+"/key"]
				require.Nil(t, reserved.Result)

				w.beforeBarrier = nil
				first, err := w.replica().Handle(t.Context(), keyed(request))
				require.NoError(t, err)
				require.Equal(t, reserved.EventID, w.stream[1].EventID)
				again, err := w.replica().Handle(t.Context(), keyed(request))
				require.NoError(t, err)
				require.Equal(t, first, again)
				require.Len(t, w.stream, 2)
			})
		})
	}
}

func TestABlockedCommandReleasesItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	w.setReferences(projects)
	_, err := w.replica().Handle(t.Context(), keyed(remove()))
	requireKind(t, domain.Blocked, err)
	require.Empty(t, w.keys)
	w.setReferences(domain.References{})
	_, err = w.replica().Handle(t.Context(), keyed(remove()))
	require.NoError(t, err)
	require.Len(t, w.events(7), 2)
}

// A retry takes over a toggle that is held up at the barrier, and carries it out. The first request must notice that, and
// not toggle the client back.
func TestARetryThatTakesOverAtTheBarrierIsTheOnlyOneStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		waiting, open := make(chan struct{}), make(chan struct{})
		w.beforeBarrier = func() error {
			if w.crossings() == 1 {
				close(waiting)
				<-open
			}
			return nil
		}
		type response struct {
			result command.Result
			err    error
		}
		slow := make(chan response, 1)
		go func() {
			result, err := w.replica().Handle(t.Context(), keyed(toggle()))
			slow <- response{result, err}
		}()
		<-waiting
		fast, err := w.replica().Handle(t.Context(), keyed(toggle()))
		require.NoError(t, err)
		require.True(t, w.State(acme, 7).LastSequence == 2, "the directory shows it")
		close(open)
		late := <-slow
		require.NoError(t, late.err)
		require.Equal(t, fast, late.result)
		require.Equal(t, []domain.Event{created, off}, w.events(7))
	})
}
