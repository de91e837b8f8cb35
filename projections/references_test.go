package projections_test

import (
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// In these tests client 1 is "acme"'s, and events are of the first PROJECTS stream, in order, unless they name another.
func withClients(t testing.TB) *sources {
	h := newHistory(t).created("acme", 1, "One").created("acme", 2, "Two")
	return &sources{history: h, streams: map[string]*sourceStream{}}
}

func TestReferencesOfAClient(t *testing.T) {
	project, invoice := domain.Project, domain.Invoice
	for name, c := range map[string]struct {
		events []domain.ReferenceEvent
		one    domain.References
		two    domain.References
	}{
		"nothing": {nil, domain.References{}, domain.References{}},
		"a project": {
			[]domain.ReferenceEvent{created(project, 7, 1)}, domain.References{ActiveProjects: 1}, domain.References{},
		},
		"a project that is switched off": {
			[]domain.ReferenceEvent{created(project, 7, 1), switched(7, false)}, domain.References{InactiveProjects: 1}, domain.References{},
		},
		"and on again": {
			[]domain.ReferenceEvent{created(project, 7, 1), switched(7, false), switched(7, true)}, domain.References{ActiveProjects: 1}, domain.References{},
		},
		"a project that moves": {
			[]domain.ReferenceEvent{created(project, 7, 1), switched(7, false), moved(project, 7, 2)}, domain.References{}, domain.References{InactiveProjects: 1},
		},
		"a project that ends": {
			[]domain.ReferenceEvent{created(project, 7, 1), deleted(project, 7)}, domain.References{}, domain.References{},
		},
		"a change of a project that has ended does not bring it back": {
			[]domain.ReferenceEvent{created(project, 7, 1), deleted(project, 7), switched(7, true), moved(project, 7, 2)}, domain.References{}, domain.References{},
		},
		"a creation does": {
			[]domain.ReferenceEvent{created(project, 7, 1), switched(7, false), deleted(project, 7), created(project, 7, 2)},
			domain.References{}, domain.References{ActiveProjects: 1},
		},
		"an update of an unknown project creates it": {
			[]domain.ReferenceEvent{moved(project, 7, 1)}, domain.References{ActiveProjects: 1}, domain.References{},
		},
		"an invoice with the number of a project": {
			[]domain.ReferenceEvent{created(project, 7, 1), created(invoice, 7, 1), deleted(invoice, 7)}, domain.References{ActiveProjects: 1}, domain.References{},
		},
		"an invoice that moves": {
			[]domain.ReferenceEvent{created(invoice, 7, 1), moved(invoice, 7, 2)}, domain.References{}, domain.References{Invoices: 1},
		},
		"created twice": {
			[]domain.ReferenceEvent{created(project, 7, 1), created(project, 7, 1)}, domain.References{ActiveProjects: 1}, domain.References{},
		},
		"deleted twice": {
			[]domain.ReferenceEvent{created(project, 7, 1), deleted(project, 7), deleted(project, 7)}, domain.References{}, domain.References{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := withClients(t)
			for _, f := range c.events {
				s.learned(f)
			}
			d := s.folded()
			require.Equal(t, c.one, d.State("acme", 1).References)
			require.Equal(t, c.two, d.State("acme", 2).References)
			require.Zero(t, d.State("other", 1), "another account learns nothing")
		})
	}
}

func TestItemsBelongToTheirAccount(t *testing.T) {
	s := withClients(t)
	s.history.created("other", 3, "Three")
	s.learned(created(domain.Project, 7, 1))
	theirs := created(domain.Project, 7, 3)
	theirs.Account = "other"
	s.learned(theirs)
	d := s.folded()
	require.Equal(t, domain.References{ActiveProjects: 1}, d.State("acme", 1).References)
	require.Equal(t, domain.References{ActiveProjects: 1}, d.State("other", 3).References)
	require.Equal(t, int64(3), d.Item(domain.Project, "other", 7).Client)
}

func TestReferencesOfADeletedClientAreForgotten(t *testing.T) {
	s := withClients(t)
	s.learned(created(domain.Project, 7, 1))
	s.history.happened("acme", domain.ClientDeleted{ID: 1})
	s.learned(moved(domain.Project, 7, 2)) // counted away from who is no longer
	d := s.folded()
	require.Zero(t, d.State("acme", 1))
	require.True(t, d.Deleted(1))
	require.False(t, d.Deleted(2))
	require.Equal(t, domain.References{ActiveProjects: 1}, d.State("acme", 2).References)
}

func TestADuplicateChangesNothing(t *testing.T) {
	s := withClients(t)
	first := s.learned(created(domain.Project, 7, 1))
	second := s.learned(switched(7, false))
	s.repeated(first)  // the same event once more
	s.repeated(second) // of a replica that was slow
	again := created(domain.Project, 7, 1)
	again.EventID = first.EventID // the same event, published once more
	s.learned(again)
	d := s.folded()
	require.Equal(t, domain.References{InactiveProjects: 1}, d.State("acme", 1).References)
	require.True(t, d.Item(domain.Project, "acme", 7).Seen(first.EventID))
	require.False(t, d.Item(domain.Project, "acme", 7).Seen("another"))
	require.False(t, d.Item(domain.Project, "acme", 7).Seen(""))
	require.False(t, d.Item(domain.Project, "acme", 8).Exists)
}

func TestALateEventDoesNotOverwriteNewerOnes(t *testing.T) {
	for name, c := range map[string]struct {
		late  domain.ReferenceEvent
		since []domain.ReferenceEvent
		one   domain.References
		two   domain.References
	}{
		"a creation before a switch":          {created(domain.Project, 7, 1), []domain.ReferenceEvent{switchedOf(7, false, 1)}, domain.References{InactiveProjects: 1}, domain.References{}},
		"a creation before a move":            {created(domain.Project, 7, 1), []domain.ReferenceEvent{moved(domain.Project, 7, 2)}, domain.References{}, domain.References{ActiveProjects: 1}},
		"a creation before the end":           {created(domain.Project, 7, 1), []domain.ReferenceEvent{moved(domain.Project, 7, 1), deleted(domain.Project, 7)}, domain.References{}, domain.References{}},
		"a switch before another":             {switched(7, false), []domain.ReferenceEvent{created(domain.Project, 7, 1), switched(7, true)}, domain.References{ActiveProjects: 1}, domain.References{}},
		"a switch of what was moved since":    {switched(7, false), []domain.ReferenceEvent{moved(domain.Project, 7, 2)}, domain.References{}, domain.References{InactiveProjects: 1}},
		"an end before a new creation":        {deleted(domain.Project, 7), []domain.ReferenceEvent{created(domain.Project, 7, 2)}, domain.References{}, domain.References{ActiveProjects: 1}},
		"an end before a change that brought": {deleted(domain.Project, 7), []domain.ReferenceEvent{moved(domain.Project, 7, 2)}, domain.References{}, domain.References{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := withClients(t)
			late := s.passed(c.late)
			for _, f := range c.since {
				s.learned(f)
			}
			late.Late = true
			s.record(late)
			d := s.folded()
			require.Equal(t, c.one, d.State("acme", 1).References)
			require.Equal(t, c.two, d.State("acme", 2).References)
		})
	}
}

func TestLateDefaults(t *testing.T) {
	s := withClients(t)
	late := s.passed(invoiced(1, 1, "task", "2011"))
	s.learned(invoiced(2, 1, "people", ""))
	gone := invoiced(2, 1, "", "2012") // the fields of a deletion do not count
	gone.Operation = domain.Deleted
	s.learned(gone)
	newer := s.passed(invoiced(3, 1, "project", "2013"))
	elsewhere := invoiced(4, 2, "free", "2014")
	elsewhere.Source = late.Source
	d := s.folded()
	require.Equal(t, domain.FollowInvoice{Timeframe: "2011"}, d.LateDefaults(late))
	require.Equal(t, domain.FollowInvoice{Kind: "project", Timeframe: "2013"}, d.LateDefaults(newer))
	require.Equal(t, domain.FollowInvoice{Kind: "free", Timeframe: "2014"}, d.LateDefaults(elsewhere), "of another client")
	unheard := late
	unheard.Source.Stream = "UNHEARD"
	require.Equal(t, domain.FollowInvoice{Kind: "task", Timeframe: "2011"}, d.LateDefaults(unheard))
}

func TestAReferenceEventIsNoEventOfItsClient(t *testing.T) {
	s := withClients(t)
	before := s.folded()
	s.learned(created(domain.Project, 7, 1))
	after := s.folded()
	require.Equal(t, before.State("acme", 1).Client, after.State("acme", 1).Client)
	require.Equal(t, before.State("acme", 1).LastSequence, after.State("acme", 1).LastSequence)
	require.Equal(t, before.List("acme").Revision, after.List("acme").Revision)
	require.Zero(t, after.Stats().Foreign)
	require.Equal(t, uint64(3), after.Sequence())
}
