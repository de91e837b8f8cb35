package projections

import (
	"slices"
	"testing"

	"clients/domain"
	"clients/eventstore"

	"github.com/stretchr/testify/require"
)

// scrubbed returns the kinds of faults that a scrub in so many parts finds in a directory by the records of a stream.
func scrubbed(h *history, d *Directory, parts int64) (kinds []FaultKind) {
	for _, f := range faultsOf(h, d, parts) {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}

func faultsOf(h *history, d *Directory, parts int64) (found []Fault) {
	for part := range parts {
		n := newAuditor(&Audit{
			History: &eventstore.History{First: 1, Last: uint64(len(h.records))},
			Fault:   func(f Fault) { found = append(found, f) }, Stray: func(eventstore.Record) {},
		})
		n.part, n.parts = part, parts
		n.d.references.keptIDs, n.d.references.keptMessages = d.references.keptIDs, d.references.keptMessages
		for _, r := range h.records {
			n.record(r, nil)
		}
		n.compareWith(d.frozen())
	}
	return found
}

func TestAScrubComparesWhatWasFolded(t *testing.T) {
	t.Parallel()
	stream := func() *history {
		h := newHistory(t).created("a", 1, "First").created("a", 2, "Second").created("b", 3, "Third").stray("a", 2)
		return h.at("10:00:00").renamed("a", 1, "1st").at("09:30:00").created("b", 4, "Fourth").happened("b", domain.ClientDeleted{ID: 3})
	}
	for name, c := range map[string]struct {
		change func(h *history)
		want   []FaultKind
	}{
		"nothing": {func(*history) {}, nil},
		"another name": {func(h *history) {
			h.records[1].Event = domain.ClientCreated{ID: 2, Name: "Zecond", Currency: "Euro - EUR", Active: true}
		}, []FaultKind{FaultDiffers}},
		"another event": {func(h *history) { h.records[4].Checksum++ }, []FaultKind{FaultDiffers}},
		"another client": {func(h *history) {
			h.records[5].ClientID, h.records[5].Event = 5, domain.ClientCreated{ID: 5, Name: "Fourth"}
		}, []FaultKind{FaultDiffers, FaultDiffers}},
		"no deletion":        {func(h *history) { h.records[6].Foreign = "no valid envelope" }, []FaultKind{FaultDiffers}},
		"a version too high": {func(h *history) { h.records[4].Version++ }, []FaultKind{FaultOrder, FaultDiffers}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, altered := stream().folded(), stream()
			c.change(altered)
			for _, parts := range []int64{1, 3} {
				found := scrubbed(altered, d, parts)
				slices.Sort(found)
				want := slices.Clone(c.want)
				slices.Sort(want)
				require.Equal(t, want, found, "%d parts", parts)
			}
		})
	}
}

// A scrub believes what it finds twice, also of a client that changes all the time.
func TestAClientThatDiffersIsKnownAgain(t *testing.T) {
	t.Parallel()
	stream := func(names ...string) *history {
		h := newHistory(t).created("a", 1, "First").created("a", 2, "Second")
		for _, name := range names {
			h.renamed("a", 2, name)
		}
		return h
	}
	altered := func(h *history) *history {
		h.records[1].Event = domain.ClientCreated{ID: 2, Name: "Second", Currency: "Zloty - PLN", Active: true}
		return h
	}
	first := faultsOf(altered(stream("A")), stream("A").folded(), 1)
	second := faultsOf(altered(stream("A", "B")), stream("A", "B").folded(), 1)
	require.Len(t, first, 1)
	require.Len(t, second, 1)
	require.Equal(t, first[0].key(), second[0].key())
	require.Contains(t, first[0].Detail, "at version 2, of sequence 3, with the checksum ")
}

func TestAScrubComparesProjectsAndInvoices(t *testing.T) {
	t.Parallel()
	stream := func(client int64) *history {
		s := withClients(t)
		s.learned(created(domain.Project, 7, 1))
		s.learned(created(domain.Invoice, 8, client))
		s.learned(switched(7, false))
		return s.history
	}
	d := stream(1).folded()
	for _, parts := range []int64{1, 3} {
		require.Empty(t, scrubbed(stream(1), d, parts))
		require.Equal(t, []FaultKind{FaultReferences}, scrubbed(stream(2), d, parts))
	}
}

// A project that was created once more after its deletion had been forgotten is there, in every part.
func TestAScrubForgetsAsTheDirectoryDoes(t *testing.T) {
	t.Parallel()
	s := withClients(t)
	again := s.learned(created(domain.Project, 7, 1))
	s.learned(deleted(domain.Project, 7))
	for range 12 {
		s.passed(created(domain.Project, 8, 1))
	}
	s.learned(again)
	d := forgetful(8, 10)
	require.NoError(t, d.apply(s.history.records))
	require.True(t, d.Thing(domain.Project, "acme", 7).Exists)
	for _, parts := range []int64{1, 3} {
		require.Empty(t, scrubbed(s.history, d, parts), "%d parts", parts)
	}
}
