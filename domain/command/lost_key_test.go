package command_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"clients/domain"
	"clients/domain/command"

	"github.com/stretchr/testify/require"
)

// heldAtTheBarrier starts a keyed request that is held up at the barrier, on a client with a project.
func heldAtTheBarrier(t *testing.T, w *world, request command.Request) (first chan response, release func()) {
	t.Helper()
	w.store(created)
	open := make(chan struct{})
	w.beforeBarrier = func() error {
		if w.crossings() == 1 {
			<-open
		}
		return nil
	}
	first = w.start(t.Context(), keyed(request))
	synctest.Wait()
	w.hold(projects)
	return first, func() { w.hold(domain.References{}); close(open) }
}

func TestARequestThatHasLostItsKeyStoresNothing(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]command.Request{"delete": remove(), "toggle": toggle(), "deactivate": deactivate()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				first, release := heldAtTheBarrier(t, w, request)
				retry := <-w.start(t.Context(), keyed(request))
				requireKind(t, domain.Blocked, retry.err)
				release()
				requireKind(t, domain.Unavailable, (<-first).err)
				require.Zero(t, w.attempts())
				require.Equal(t, []domain.Event{created}, w.events(7))
			})
		})
	}
}

// The claim is stored, but the process is held up before it receives the response.
func TestARequestWhoseClaimIsTakenOverAtOnceStoresNothing(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]command.Request{"delete": remove(), "toggle": toggle(), "deactivate": deactivate()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.store(created)
				open := make(chan struct{})
				w.afterClaim = func() { <-open }
				first := w.start(t.Context(), keyed(request))
				synctest.Wait()
				w.hold(projects)
				retry := <-w.start(t.Context(), keyed(request))
				requireKind(t, domain.Blocked, retry.err)
				w.hold(domain.References{})
				close(open)
				requireKind(t, domain.Unavailable, (<-first).err)
				require.Equal(t, []domain.Event{created}, w.events(7))
			})
		})
	}
}

func TestARequestThatHasLostItsKeyReturnsTheResultOfTheKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		first, release := heldAtTheBarrier(t, w, toggle())
		retry := <-w.start(t.Context(), keyed(toggle()))
		requireKind(t, domain.Blocked, retry.err)
		w.hold(domain.References{})
		begun := time.Now()
		third := <-w.start(t.Context(), keyed(toggle()))
		require.NoError(t, third.err)
		require.Zero(t, time.Since(begun), "the key was released")
		release()
		require.Equal(t, third, <-first)
		require.Equal(t, []domain.Event{created, off}, w.events(7))
		require.Equal(t, "event-1", w.stream[1].EventID, "of the first request: it might have been on its way")
	})
}

// The event of the first request is still in flight when its retry is refused. Then it is stored, and the third request has to
// find it.
func TestATakeoverThatIsRefusedKeepsTheEventOfTheKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		arrive := hold(&w.beforeAppend)
		first := w.start(t.Context(), keyed(toggle()))
		synctest.Wait()
		w.hold(projects)
		requireKind(t, domain.Blocked, (<-w.start(t.Context(), keyed(toggle()))).err)
		w.hold(domain.References{})
		var landed sync.Once
		w.delay = func(call string) {
			if call == "on its way" { // of the third request: the first overtakes it
				landed.Do(func() { arrive(); <-first })
			}
		}
		third := <-w.start(t.Context(), keyed(toggle()))
		require.NoError(t, third.err)
		require.Equal(t, w.revision(7), third.result.Revision)
		require.Equal(t, []domain.Event{created, off}, w.events(7))
	})
}

func TestAKeyThatWasTakenOverStaysWithItsRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		first, release := heldAtTheBarrier(t, w, remove())
		requireKind(t, domain.Blocked, (<-w.start(t.Context(), keyed(remove()))).err)
		other := keyed(rename("B"))
		other.Fingerprint = "another"
		requireKind(t, domain.KeyReused, (<-w.start(t.Context(), other)).err)
		release()
		<-first
	})
}

// A slow request that is not held up confirms its claim before it stores; a retry then continues to wait for it.
func TestAClaimIsConfirmedWhenItIsDue(t *testing.T) {
	t.Parallel()
	for took, confirmations := range map[time.Duration]int{0: 0, patience / 4: 0, patience * 3 / 4: 1, patience * 3: 1} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.store(created)
			w.beforeBarrier = func() error { time.Sleep(took); return nil }
			_, err := w.replica().Handle(t.Context(), keyed(remove()))
			require.NoError(t, err)
			require.Equal(t, confirmations, w.takeovers)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		w.beforeBarrier = func() error { time.Sleep(patience * 3 / 4); return nil }
		w.beforeAppend = func(int) error { time.Sleep(patience * 3 / 4); return nil }
		first := w.start(t.Context(), keyed(remove()))
		second := w.start(t.Context(), keyed(remove()))
		one := <-first
		require.NoError(t, one.err)
		require.Equal(t, one, <-second)
		require.Equal(t, 1, w.attempts())
	})
}

// A retry does not search the same events twice.
func TestATakeoverRecordsHowFarItSearched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		w.keys[acme+"/key"] = domain.IdempotencyRecord{Fingerprint: "fingerprint", ClientID: 7, EventID: "event-0", After: 1}
		w.store(off, on)
		w.beforeAppend = func(int) error { return domain.NoStore(nil) }
		_, err := w.replica().Handle(t.Context(), keyed(rename("B")))
		requireKind(t, domain.Unavailable, err)
		require.Equal(t, uint64(3), w.keys[acme+"/key"].After)
		require.Equal(t, 1, w.lookups)
	})
}

// Requests under one key may be delayed at any step, also on the way to the stream, while other events are stored. There is at
// most one event, and each response that reports an event reports that one.
func TestOneKeyNeverLeadsToTwoEvents(t *testing.T) {
	t.Parallel()
	outcomes := map[string]int{}
	for seed := range uint64(4000) {
		synctest.Test(t, func(t *testing.T) {
			rnd, mu := rand.New(rand.NewPCG(seed, 0)), sync.Mutex{}
			dice := func(n int) int { mu.Lock(); defer mu.Unlock(); return rnd.IntN(n) }
			w := newWorld()
			w.store(created)
			odds := 2 + dice(12)
			w.delay = func(call string) {
				if dice(odds) == 0 || call == "on its way" && dice(2) == 0 {
					time.Sleep(time.Duration(dice(3000)) * time.Millisecond)
				}
			}
			unknown := func(int) error {
				if dice(odds) == 0 {
					return &domain.Error{Kind: domain.Unavailable, Cause: domain.ErrUnknownOutcome}
				}
				return nil
			}
			w.beforeAppend, w.afterAppend = unknown, unknown
			request := []command.Request{toggle(), toggle(), remove(), deactivate(), rename("B"), create("A")}[dice(6)]
			var all sync.WaitGroup
			responses := make([]response, 8)
			for i := range responses {
				all.Go(func() {
					time.Sleep(time.Duration(dice(8000)) * time.Millisecond)
					responses[i] = <-w.start(t.Context(), keyed(request))
				})
			}
			others := 2 + 2*dice(2) // than projects, or not
			for range 24 {
				all.Go(func() {
					time.Sleep(time.Duration(dice(8000)) * time.Millisecond)
					switch dice(others) {
					case 0:
						w.hold(projects)
					case 1:
						w.hold(domain.References{})
					case 2:
						w.happens(domain.ClientUpdated{ID: 7, Name: new([]string{"B", "C"}[dice(2)])})
					case 3:
						w.happens(domain.ClientToggled{ID: 7, Active: dice(2) == 0})
					}
				})
			}
			all.Wait()
			reported := map[domain.Revision]bool{}
			var events []domain.Revision
			for i, e := range w.stream {
				if e.EventID != "" && e.EventID[0] == 'e' { // of the keyed requests
					events = append(events, result(i, e).Revision)
				}
			}
			for _, a := range responses {
				switch {
				case a.err != nil:
					var e *domain.Error
					require.ErrorAs(t, a.err, &e)
					outcomes[fmt.Sprint(e.Kind)]++
				case len(events) == 1 && a.result.Revision == events[0]:
					reported[a.result.Revision] = true
					outcomes["applied"]++
				default:
					require.Equal(t, domain.UpdateClient{}, unchanged(request), "seed %d: reported of an event that is not there", seed)
					outcomes["unchanged"]++
				}
			}
			require.LessOrEqual(t, len(events), 1, "seed %d", seed)
		})
	}
	t.Log(outcomes)
}

// unchanged is a command that may change nothing.
func unchanged(r command.Request) domain.Command {
	if _, ok := r.Command.(domain.UpdateClient); ok {
		return domain.UpdateClient{}
	}
	return nil
}

// happens is storeElsewhere, as long as the client exists.
func (w *world) happens(e domain.Event) {
	w.mu.Lock()
	exists := w.state(acme, 7, len(w.stream)).Client.Exists()
	w.mu.Unlock()
	if exists {
		w.storeElsewhere(e)
	}
}
