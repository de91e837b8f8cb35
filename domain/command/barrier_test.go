package command_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"clients/domain"
	"clients/domain/command"

	"github.com/stretchr/testify/require"
)

var (
	off      = domain.ClientToggled{ID: 7, Active: false}
	on       = domain.ClientToggled{ID: 7, Active: true}
	projects = domain.References{ActiveProjects: 1}
)

func put(d domain.ClientAttributes) command.Request {
	return command.Request{Account: acme, ClientID: 7, Command: domain.UpdateClient{Attributes: d}}
}

func deactivate() command.Request { return put(domain.ClientAttributes{Active: new(false)}) }

// hold sets the references of client 7.
func (w *world) hold(r domain.References) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.references = map[int64]domain.References{7: r}
}

// setReferences sets the references that client 7 has after the next wait at the barrier.
func (w *world) setReferences(r domain.References) {
	w.beforeBarrier = func() error { w.hold(r); return nil }
}

// crossings returns how often the barrier was passed.
func (w *world) crossings() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.barriers
}

func stale(r command.Request) command.Request {
	r.IfMatch = []domain.Revision{{Version: 99}}
	return r
}

func TestOnlyCommandsThatDependOnReferencesPassTheBarrier(t *testing.T) {
	t.Parallel()
	inactive := []domain.Event{created, off}
	active := []domain.Event{created}
	for name, c := range map[string]struct {
		history  []domain.Event
		request  command.Request
		passages int
		outcome  command.Outcome
	}{
		"deletion":                        {active, remove(), 1, command.Applied},
		"deletion of an inactive client":  {inactive, remove(), 1, command.Applied},
		"deactivating toggle":             {active, toggle(), 1, command.Applied},
		"deactivating PUT":                {active, deactivate(), 1, command.Applied},
		"PUT that deactivates and more":   {active, put(domain.ClientAttributes{Name: new("B"), Active: new(false)}), 1, command.Applied},
		"deletion under a key":            {active, keyed(remove()), 1, command.Applied},
		"creation":                        {nil, create("B"), 0, command.Applied},
		"creation of an inactive client":  {nil, command.Request{Account: acme, Command: domain.CreateClient{Attributes: domain.ClientAttributes{Name: new("B"), Active: new(false)}}}, 0, command.Applied},
		"renaming":                        {active, rename("B"), 0, command.Applied},
		"PUT of the same":                 {active, rename("A"), 0, command.Unchanged},
		"activating toggle":               {inactive, toggle(), 0, command.Applied},
		"activating PUT":                  {inactive, put(domain.ClientAttributes{Active: new(true)}), 0, command.Applied},
		"PUT active=true when active":     {active, put(domain.ClientAttributes{Active: new(true)}), 0, command.Unchanged},
		"PUT active=false when inactive":  {inactive, deactivate(), 0, command.Unchanged},
		"renaming, inactive all the same": {inactive, put(domain.ClientAttributes{Name: new("B"), Active: new(false)}), 0, command.Applied},
		"toggle of a missing client":      {nil, toggle(), 0, command.Refused},
		"deletion of a missing client":    {nil, remove(), 0, command.Refused},
		"deletion of a deleted client":    {[]domain.Event{created, domain.ClientDeleted{ID: 7}}, remove(), 0, command.Refused},
		"invalid PUT":                     {active, put(domain.ClientAttributes{Name: new(""), Active: new(false)}), 0, command.Refused},
		"deletion of an older state":      {active, stale(remove()), 0, command.Refused},
		"toggle of an older state":        {active, stale(toggle()), 0, command.Refused},
		"PUT on an older state":           {active, stale(deactivate()), 0, command.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.store(c.history...)
			_, err := w.replica().Handle(t.Context(), c.request)
			require.Equal(t, c.outcome == command.Refused, err != nil, "%v", err)
			require.Equal(t, c.passages, w.crossings())
			w.ended(t, c.outcome)
		})
	}
}

func TestADecisionWaitsForTheReferences(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]command.Request{"delete": remove(), "toggle": toggle(), "deactivate": deactivate()} {
		t.Run(name+" is refused for a project that was not shown yet", func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.store(created)
			w.setReferences(projects)
			_, err := w.replica().Handle(t.Context(), request)
			requireKind(t, domain.Blocked, err)
			require.Equal(t, []domain.Event{created}, w.events(7))
			require.Zero(t, w.attempts())
			w.ended(t, command.Refused)
		})
		t.Run(name+" goes through when the project that stood in the way is gone", func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.store(created)
			w.hold(projects)
			w.setReferences(domain.References{})
			_, err := w.replica().Handle(t.Context(), request)
			require.NoError(t, err)
			require.Len(t, w.events(7), 2)
			require.Equal(t, 1, w.crossings())
			w.ended(t, command.Applied)
		})
		t.Run(name+" is refused once more where the project is still there", func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.store(created)
			w.hold(projects)
			_, err := w.replica().Handle(t.Context(), request)
			requireKind(t, domain.Blocked, err)
			require.Equal(t, 1, w.crossings())
			w.ended(t, command.Refused)
		})
	}
}

func TestNothingIsStoredIfTheBarrierFails(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"for a reason for the caller": &domain.Error{Kind: domain.Unavailable, Message: "The stream PROJECTS does not exist."},
		"for any other reason":        errors.New("no responders"),
	} {
		for what, request := range map[string]command.Request{"delete": remove(), "toggle": toggle(), "deactivate": deactivate()} {
			t.Run(what+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld()
				w.store(created)
				w.beforeBarrier = func() error { return failure }
				_, err := w.replica().Handle(t.Context(), request)
				requireKind(t, domain.Unavailable, err)
				require.ErrorIs(t, err, failure)
				require.Zero(t, w.attempts())
				require.Equal(t, 1, w.crossings())
				w.ended(t, command.Failed)
			})
		}
	}
}

// deadlineBarrier records the time that it is given.
type deadlineBarrier struct{ given chan time.Duration }

func (f deadlineBarrier) Wait(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		return errors.New("no deadline")
	}
	f.given <- time.Until(deadline)
	return nil
}

func TestTheBarrierMayTakeFiveSeconds(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.store(created)
	h, barrier := w.replica(), deadlineBarrier{make(chan time.Duration, 1)}
	h.Barrier = barrier
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the caller has gone: the command goes on
	_, err := h.Handle(ctx, remove())
	require.NoError(t, err)
	require.InDelta(t, 5*time.Second, <-barrier.given, float64(time.Second))
}
