package command_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"clients/domain"
	"clients/domain/command"

	"github.com/stretchr/testify/require"
)

// meanwhile stores events of others right before the first append.
func (w *world) meanwhile(events ...domain.Event) {
	w.beforeAppend = func(attempt int) error {
		if attempt == 1 {
			w.storeElsewhere(events...)
		}
		return nil
	}
}

func TestACommandThatConflictsIsDecidedAgainOnTheNewState(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	w.meanwhile(domain.ClientToggled{ID: 7, Active: false})
	result, err := w.replica().Handle(t.Context(), toggle())
	require.NoError(t, err)
	require.Equal(t, []domain.Event{
		created, domain.ClientToggled{ID: 7, Active: false}, domain.ClientToggled{ID: 7, Active: true},
	}, w.events(7))
	require.Equal(t, uint64(3), w.stream[2].Version)
	require.Equal(t, w.revision(7), result.Revision)
	require.Equal(t, w.appends[0].EventID, w.appends[1].EventID)
	w.ended(t, command.Conflict, command.Applied)
}

func TestACommandThatConflictsIsRefusedIfTheNewStateForbidsIt(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	w.meanwhile(domain.ClientDeleted{ID: 7})
	_, err := w.replica().Handle(t.Context(), rename("B"))
	requireKind(t, domain.NotFound, err)
	require.Len(t, w.events(7), 2)
	w.ended(t, command.Conflict, command.Refused)
}

func TestACommandThatConflictsWithTheSameChangeChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	w.meanwhile(domain.ClientUpdated{ID: 7, Name: new("B")})
	result, err := w.replica().Handle(t.Context(), rename("B"))
	require.NoError(t, err)
	require.Equal(t, uint64(2), result.Revision.Version)
	require.Len(t, w.events(7), 2)
	w.ended(t, command.Conflict, command.Unchanged)
}

func TestACommandThatConflictsEachTimeGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.store(created)
		w.beforeAppend = func(int) error {
			w.storeElsewhere(domain.ClientInvoiceDefaultsChanged{ID: 7, LastInvoiceKind: "task"})
			return nil
		}
		begun := time.Now()
		_, err := w.replica().Handle(t.Context(), rename("B"))
		requireKind(t, domain.Conflict, err)
		require.Greater(t, w.attempts(), 2)
		require.Less(t, w.attempts(), 100)
		require.Less(t, time.Since(begun), 3*time.Second)
	})
}

// A command that conflicted is decided on a newer state, or not at all.
func TestACommandThatConflictedNeedsTheLastState(t *testing.T) {
	t.Parallel()
	noLeader := domain.Errorf(domain.Unavailable, "no leader")
	for name, c := range map[string]struct {
		leader   func(*world) // what happens after a second
		attempts int
		err      error
		takes    time.Duration
	}{
		"there is another leader": {func(w *world) { w.refreshErr = nil }, 2, nil, time.Second},
		"there is none":           {func(*world) {}, 1, noLeader, 2 * time.Second},
		"the directory stops":     {func(w *world) { w.stoppedErr = noLeader }, 1, noLeader, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.store(created)
				w.meanwhile(domain.ClientToggled{ID: 7, Active: false})
				w.refreshErr = noLeader
				time.AfterFunc(time.Second, func() {
					w.mu.Lock()
					defer w.mu.Unlock()
					c.leader(w)
				})
				begun := time.Now()
				_, err := w.replica().Handle(t.Context(), toggle())
				require.ErrorIs(t, err, c.err)
				require.Equal(t, c.attempts, w.attempts())
				require.InDelta(t, c.takes, time.Since(begun), float64(time.Second/2))
			})
		})
	}
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	first := domain.Revision{Version: 1, Checksum: 1000} // of created in a new world
	second := domain.Revision{Version: 2, Checksum: 1001}
	toggled := domain.ClientToggled{ID: 7, Active: false}
	for name, c := range map[string]struct {
		script  func(*world)
		ifMatch []domain.Revision
		kind    domain.Kind // 0: applied
	}{
		"the revision that the client has":          {func(*world) {}, []domain.Revision{first}, 0},
		"one of several revisions":                  {func(*world) {}, []domain.Revision{second, first}, 0},
		"nothing":                                   {func(*world) {}, nil, 0},
		"another revision":                          {func(*world) {}, []domain.Revision{second}, domain.Stale},
		"another checksum":                          {func(*world) {}, []domain.Revision{{Version: 1, Checksum: 1}}, domain.Stale},
		"no revision at all":                        {func(*world) {}, []domain.Revision{}, domain.Stale},
		"a revision newer than the directory's":     {func(w *world) { w.storeElsewhere(toggled) }, []domain.Revision{second}, 0},
		"a revision that the directory alone has":   {func(w *world) { w.storeElsewhere(toggled) }, []domain.Revision{first}, domain.Stale},
		"a revision that changes before the append": {func(w *world) { w.meanwhile(toggled) }, []domain.Revision{first}, domain.Stale},
		"a revision of a deleted client":            {func(w *world) { w.store(domain.ClientDeleted{ID: 7}) }, []domain.Revision{first}, domain.NotFound},
	} {
		for what, request := range map[string]command.Request{"rename": rename("B"), "toggle": toggle(), "delete": remove()} {
			t.Run(what+" on "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld()
				w.store(created)
				c.script(w)
				request.IfMatch = c.ifMatch
				_, err := w.replica().Handle(t.Context(), request)
				if c.kind == 0 {
					require.NoError(t, err)
					require.Equal(t, "event-1", w.stream[len(w.stream)-1].EventID)
					return
				}
				requireKind(t, c.kind, err)
				for _, e := range w.stream {
					require.NotEqual(t, "event-1", e.EventID, "nothing is stored")
				}
			})
		}
	}
}

func TestIfMatchIsCheckedForACommandThatChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	request := rename("A")
	request.IfMatch = []domain.Revision{{Version: 9}}
	_, err := w.replica().Handle(t.Context(), request)
	requireKind(t, domain.Stale, err)
}

func TestNothingIsDecidedIfTheDirectoryHasStopped(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.stoppedErr = errors.New("the stream is corrupt")
	_, err := w.replica().Handle(t.Context(), create("A"))
	requireKind(t, domain.Unavailable, err)
	require.ErrorIs(t, err, w.stoppedErr)
	require.Empty(t, w.stream)
}
