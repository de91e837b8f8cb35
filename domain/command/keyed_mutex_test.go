package command_test

import (
	"context"
	"testing"
	"testing/synctest"

	"clients/domain"
	"clients/domain/command"

	"github.com/stretchr/testify/require"
)

// toggling returns a handler that toggles client 7 and waits with the append until release is called.
func (w *world) toggling(t *testing.T) (h *command.Handler, first chan response, release func()) {
	t.Helper()
	release = hold(&w.beforeAppend)
	h = w.replica()
	first = startOn(t.Context(), h, toggle())
	synctest.Wait()
	return h, first, release
}

func TestCommandsOnOneClientRunOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		h, first, release := w.toggling(t)
		second := startOn(t.Context(), h, toggle())
		synctest.Wait()
		require.Equal(t, 1, w.attempts(), "the second waits for the first")
		release()
		one, two := <-first, <-second
		require.NoError(t, one.err)
		require.NoError(t, two.err)
		require.Equal(t, one.result.Revision.Version+1, two.result.Revision.Version)
		require.Equal(t, []domain.Event{
			created, domain.ClientToggled{ID: 7, Active: false}, domain.ClientToggled{ID: 7, Active: true},
		}, w.events(7))
		w.ended(t, command.Applied, command.Applied) // and no race was lost
	})
}

func TestCommandsOnOtherClientsDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created, domain.ClientCreated{ID: 8, Name: "B"})
		h, first, release := w.toggling(t)
		other := toggle()
		other.ClientID = 8
		require.NoError(t, (<-startOn(t.Context(), h, other)).err)
		require.NoError(t, (<-startOn(t.Context(), h, create("C"))).err)
		require.Len(t, w.events(7), 1)
		release()
		require.NoError(t, (<-first).err)
	})
}

func TestCommandsOfAnotherAccountDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		h, first, release := w.toggling(t)
		foreign := toggle()
		foreign.Account = "other"
		requireKind(t, domain.NotFound, (<-startOn(t.Context(), h, foreign)).err)
		release()
		require.NoError(t, (<-first).err)
	})
}

func TestTheWaitForTheMutexIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		h, first, release := w.toggling(t)
		second := <-startOn(t.Context(), h, toggle())
		requireKind(t, domain.Unavailable, second.err)
		require.ErrorIs(t, second.err, context.DeadlineExceeded)
		third := startOn(t.Context(), h, toggle())
		release()
		require.NoError(t, (<-first).err)
		require.NoError(t, (<-third).err, "a caller that gave up does not block others")
		require.Len(t, w.events(7), 3)
		require.Zero(t, h.Mutexes(), "none is kept without users")
	})
}
