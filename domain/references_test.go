package domain_test

import (
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// holdings are all kinds of references to a client, with the obstacle that each rule reports: "" if the command is allowed.
var holdings = map[string]struct {
	held                 domain.References
	deactivate, deletion string
}{
	"nothing":              {domain.References{}, "", ""},
	"an active project":    {domain.References{ActiveProjects: 1}, "1 active project", "1 active project"},
	"active projects":      {domain.References{ActiveProjects: 2}, "2 active projects", "2 active projects"},
	"an inactive project":  {domain.References{InactiveProjects: 1}, "", "1 inactive project"},
	"inactive projects":    {domain.References{InactiveProjects: 11}, "", "11 inactive projects"},
	"an invoice":           {domain.References{Invoices: 1}, "", "1 invoice"},
	"invoices":             {domain.References{Invoices: 100}, "", "100 invoices"},
	"projects of each":     {domain.References{ActiveProjects: 1, InactiveProjects: 2}, "1 active project", "1 active project and 2 inactive projects"},
	"active and invoice":   {domain.References{ActiveProjects: 3, Invoices: 1}, "3 active projects", "3 active projects and 1 invoice"},
	"inactive and invoice": {domain.References{InactiveProjects: 1, Invoices: 2}, "", "1 inactive project and 2 invoices"},
	"everything": {
		domain.References{ActiveProjects: 1, InactiveProjects: 1, Invoices: 1}, "1 active project", "1 active project, 1 inactive project and 1 invoice",
	},
	"a lot of everything": {
		domain.References{ActiveProjects: 20, InactiveProjects: 30, Invoices: 40}, "20 active projects", "20 active projects, 30 inactive projects and 40 invoices",
	},
}

var (
	switchedOff = domain.ClientToggled{ID: created.ID, Active: false}
	switchedOn  = domain.ClientToggled{ID: created.ID, Active: true}
)

func TestReferencesPreventDeletionAndDeactivation(t *testing.T) {
	t.Parallel()
	for name, c := range holdings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deactivated := domain.ClientUpdated{ID: created.ID, Active: new(false)}
			renamedToo := domain.ClientUpdated{ID: created.ID, Name: new("B"), Active: new(false)}
			obeys(t, given(created).holding(c.held).when(domain.ToggleClient{}), switchedOff, "deactivated", c.deactivate)
			obeys(t, given(created).holding(c.held).when(update(domain.ClientAttributes{Active: new(false)})), deactivated, "deactivated", c.deactivate)
			obeys(t, given(created).holding(c.held).when(update(domain.ClientAttributes{Name: new("B"), Active: new(false)})), renamedToo, "deactivated", c.deactivate)
			obeys(t, given(created).holding(c.held).when(domain.DeleteClient{}), domain.ClientDeleted{ID: created.ID}, "deleted", c.deletion)
			obeys(t, given(created, switchedOff).holding(c.held).when(domain.DeleteClient{}), domain.ClientDeleted{ID: created.ID}, "deleted", c.deletion)
		})
	}
}

// obeys requires that the scenario leads to the event, or is refused because of the obstacle if there is one.
func obeys(t *testing.T, s scenario, event domain.Event, what, obstacle string) {
	t.Helper()
	if obstacle == "" {
		s.then(t, event)
		return
	}
	require.Equal(t, "The client cannot be "+what+": it has "+obstacle+".", s.thenRefused(t, domain.Blocked))
}

func TestReferencesDoNotPreventOtherCommands(t *testing.T) {
	t.Parallel()
	for name, c := range holdings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given(created, switchedOff).holding(c.held).when(domain.ToggleClient{}).then(t, switchedOn)
			given(created, switchedOff).holding(c.held).when(update(domain.ClientAttributes{Active: new(true)})).
				then(t, domain.ClientUpdated{ID: created.ID, Active: new(true)})
			given(created, switchedOff).holding(c.held).when(update(domain.ClientAttributes{Active: new(false)})).thenNothing(t)
			given(created, switchedOff).holding(c.held).when(update(domain.ClientAttributes{Active: new(false), Name: new("B")})).
				then(t, domain.ClientUpdated{ID: created.ID, Name: new("B")})
			given(created).holding(c.held).when(update(domain.ClientAttributes{Active: new(true)})).thenNothing(t)
			given(created).holding(c.held).when(update(domain.ClientAttributes{Details: new("b")})).
				then(t, domain.ClientUpdated{ID: created.ID, Details: new("b")})
			given(created).holding(c.held).when(domain.FollowInvoice{Kind: "task"}).
				then(t, domain.ClientInvoiceDefaultsChanged{ID: created.ID, LastInvoiceKind: "task"})
		})
	}
}

// An invalid command is refused as such, before its references are checked.
func TestReferencesAreCheckedLast(t *testing.T) {
	t.Parallel()
	all := domain.References{ActiveProjects: 1, InactiveProjects: 1, Invoices: 1}
	deleted := domain.ClientDeleted{ID: created.ID}
	for _, command := range []domain.Command{domain.ToggleClient{}, domain.DeleteClient{}, update(domain.ClientAttributes{Active: new(false)}), domain.FollowInvoice{Kind: "task"}} {
		given().holding(all).when(command).thenRefused(t, domain.NotFound)
		given(created, deleted).holding(all).when(command).thenRefused(t, domain.NotFound)
	}
	given(created).holding(all).when(update(domain.ClientAttributes{Name: new(""), Active: new(false)})).thenRefused(t, domain.Invalid)
	given(created).holding(all).when(update(domain.ClientAttributes{HighriseID: new(int64(-1)), Active: new(false)})).thenRefused(t, domain.Invalid)
}

func TestEventsThatDependOnReferences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		event domain.Event
		rests bool
	}{
		"none":                       {nil, false},
		"a creation":                 {created, false},
		"an inactive creation":       {domain.ClientCreated{ID: 1}, false},
		"a renaming":                 {domain.ClientUpdated{ID: 1, Name: new("B")}, false},
		"an activating update":       {domain.ClientUpdated{ID: 1, Active: new(true)}, false},
		"a deactivating update":      {domain.ClientUpdated{ID: 1, Active: new(false)}, true},
		"an activation":              {switchedOn, false},
		"a deactivation":             {switchedOff, true},
		"a deletion":                 {domain.ClientDeleted{ID: 1}, true},
		"a change of invoice habits": {domain.ClientInvoiceDefaultsChanged{ID: 1}, false},
	} {
		require.Equal(t, c.rests, domain.DependsOnReferences(c.event), name)
	}
}
