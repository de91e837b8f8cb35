package command_test

import (
	"testing"
	"testing/synctest"
	"time"

	"clients/domain"
	"clients/domain/command"

	"github.com/stretchr/testify/require"
)

// A request waits for another command for so long that its retry, through another replica, takes its key over and succeeds.
// The first request then finds its change already made, and has to return the result of the key.
func TestOvertakenWhileWaitingForTheMutexReturnsTheResultOfTheKey(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]command.Request{
		"delete": remove(), "toggle": toggle(), "update": rename("B"), "deactivate": deactivate(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.store(created)
				a := w.replica()
				held := make(chan struct{})
				w.beforeAppend = func(attempt int) error {
					if attempt == 1 {
						<-held
						return domain.NoStore(nil)
					}
					return nil
				}
				slow := startOn(t.Context(), a, rename("in the way"))
				synctest.Wait()
				first := startOn(t.Context(), a, keyed(request))
				synctest.Wait()
				retry := <-w.start(t.Context(), keyed(request))
				require.NoError(t, retry.err)
				require.Len(t, w.events(7), 2)
				close(held)
				require.Error(t, (<-slow).err)
				require.Equal(t, retry, <-first)
				require.Len(t, w.events(7), 2, "one event for one key")
				require.Equal(t, &retry.result.Revision, w.keys[acme+"/key"].Result)
			})
		})
	}
}

// A request is refused and slow to release its key. Its retry takes the key over and succeeds, because the client was created
// meanwhile. The first request must not return the refusal.
func TestOvertakenAfterARefusalReturnsTheResultOfTheKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request    command.Request
		first, now []domain.Event
	}{
		"refused":         {rename("B"), nil, []domain.Event{created}},
		"changes nothing": {rename("A"), []domain.Event{created}, []domain.Event{domain.ClientUpdated{ID: 7, Name: new("B")}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.store(c.first...)
				held, releases := make(chan struct{}), 0
				w.beforeRelease = func() {
					if releases++; releases == 1 {
						<-held
					}
				}
				first := w.start(t.Context(), keyed(c.request))
				synctest.Wait()
				w.store(c.now...)
				retry := <-w.start(t.Context(), keyed(c.request))
				require.NoError(t, retry.err)
				close(held)
				require.Equal(t, retry, <-first)
				require.Len(t, w.stream, len(c.first)+len(c.now)+1)
			})
		})
	}
}

// A request that is overtaken shortly before its deadline still has time to read the result of the key.
func TestOvertakenAtItsDeadlineReturnsTheResultOfTheKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		held, releases := make(chan struct{}), 0
		w.beforeRelease = func() {
			if releases++; releases == 1 {
				<-held
			}
		}
		first := w.start(t.Context(), keyed(toggle()))
		synctest.Wait()
		w.store(created)
		retry := <-w.start(t.Context(), keyed(toggle()))
		require.NoError(t, retry.err)
		<-time.After(3 * time.Second) // by the bubble's clock
		close(held)
		require.Equal(t, retry, <-first)
		require.Len(t, w.events(7), 2)
	})
}

// A slow request and its slow retry that are both refused do not take the key over from each other repeatedly.
func TestARefusalIsFinalIfTheKeyHasNoResult(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{takeOverAfter / 2, takeOverAfter * 3 / 2, takeOverAfter * 3} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.store(created)
			w.references = map[int64]domain.References{7: {ActiveProjects: 1}}
			w.beforeBarrier = func() error { time.Sleep(wait); return nil }
			first := w.start(t.Context(), keyed(remove()))
			time.Sleep(takeOverAfter / 10)
			second := w.start(t.Context(), keyed(remove()))
			requireKind(t, domain.Blocked, (<-first).err)
			requireKind(t, domain.Blocked, (<-second).err)
			require.True(t, len(w.keys) == 0 || w.keys[acme+"/key"].Released, "no request waits for it")
		})
	}
}

// takeOverAfter is how long a retry waits before it takes over.
const takeOverAfter = time.Second

// The last event of the client is older than the key: no lookup is needed.
func TestAKeyedCommandOnAnUnchangedClientNeedsNoLookup(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]command.Request{
		"create": create("A"), "update": rename("B"), "toggle": toggle(), "delete": remove(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.store(created)
			_, err := w.replica().Handle(t.Context(), keyed(request))
			require.NoError(t, err)
			require.Zero(t, w.lookups)
		})
	}
}
