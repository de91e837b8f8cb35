package command_test

import (
	"testing"
	"testing/synctest"
	"time"

	"clients/domain"
	"clients/domain/command"

	"github.com/stretchr/testify/require"
)

// A request waits for its turn behind another command for so long that its repeat, through another replica, takes its key
// over and carries it out. The first is then decided on a client that shows what it was to do, and must know it.
func TestARequestThatIsOvertakenWhileItWaitsForTheMutexReturnsTheResultOfTheKey(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]command.Request{
		"delete": remove(), "toggle": toggle(), "update": rename("B"), "deactivate": deactivate(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.known(created)
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
				twin := <-w.start(t.Context(), keyed(request))
				require.NoError(t, twin.err)
				require.Len(t, w.events(7), 2)
				close(held)
				require.Error(t, (<-slow).err)
				require.Equal(t, twin, <-first)
				require.Len(t, w.events(7), 2, "one event for one key")
				require.Equal(t, &twin.result.Revision, w.keys[acme+"/key"].Result)
			})
		})
	}
}

// The repeat of a request that is refused, and slow to make its key free, takes the key over and is carried out: for the
// client has come to be. The refusal is not the answer of that key any more.
func TestARequestThatIsOvertakenAsItIsRefusedReturnsTheResultOfTheKey(t *testing.T) {
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
				w.known(c.first...)
				held, releases := make(chan struct{}), 0
				w.beforeRelease = func() {
					if releases++; releases == 1 {
						<-held
					}
				}
				first := w.start(t.Context(), keyed(c.request))
				synctest.Wait()
				w.known(c.now...)
				twin := <-w.start(t.Context(), keyed(c.request))
				require.NoError(t, twin.err)
				close(held)
				require.Equal(t, twin, <-first)
				require.Len(t, w.stream, len(c.first)+len(c.now)+1)
			})
		})
	}
}

// There is time to learn what the key answers, also where the first is overtaken at the end of his own.
func TestARequestThatIsOvertakenAtTheEndOfItsTimeReturnsTheResultOfTheKey(t *testing.T) {
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
		w.known(created)
		twin := <-w.start(t.Context(), keyed(toggle()))
		require.NoError(t, twin.err)
		<-time.After(3 * time.Second) // by the bubble's clock
		close(held)
		require.Equal(t, twin, <-first)
		require.Len(t, w.events(7), 2)
	})
}

// A request and its repeat that are both refused, and slowly, do not take the key from each other in turn.
func TestARefusalStandsWhereTheKeyHasNoResult(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{takeOverAfter / 2, takeOverAfter * 3 / 2, takeOverAfter * 3} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.known(created)
			w.references = map[int64]domain.References{7: {ActiveProjects: 1}}
			w.beforePass = func() error { time.Sleep(wait); return nil }
			first := w.start(t.Context(), keyed(remove()))
			time.Sleep(takeOverAfter / 10)
			second := w.start(t.Context(), keyed(remove()))
			requireKind(t, domain.Blocked, (<-first).err)
			requireKind(t, domain.Blocked, (<-second).err)
			require.True(t, len(w.keys) == 0 || w.keys[acme+"/key"].Released, "nobody has to wait for it")
		})
	}
}

// takeOverAfter is how long a repeat waits before it takes over.
const takeOverAfter = time.Second

// What the client shows was there before the key was: nobody has to be asked for the event.
func TestAKeyedCommandOnAClientThatDoesNotChangeAsksForNothing(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]command.Request{
		"create": create("A"), "update": rename("B"), "toggle": toggle(), "delete": remove(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.known(created)
			_, err := w.replica().Handle(t.Context(), keyed(request))
			require.NoError(t, err)
			require.Zero(t, w.lookups)
		})
	}
}
