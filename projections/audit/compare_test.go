package audit

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/history"
	"clients/projections/readmodel"
	"clients/projections/references"

	"github.com/stretchr/testify/require"
)

// recorded collects the records of a stream as they are read back.
type recorded struct {
	records  []eventstore.Record
	versions map[int64]uint64
	now      time.Time
	sources  uint64 // messages of PROJECTS
}

func newHistory() *recorded {
	return &recorded{versions: make(map[int64]uint64), now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
}

func (h *recorded) add(r eventstore.Record) *recorded {
	r.Sequence, r.StoredAt = uint64(len(h.records)+1), h.now
	h.records = append(h.records, r)
	return h
}

func (h *recorded) event(account string, e domain.Event) *recorded {
	id := e.Client()
	h.versions[id]++
	envelope := domain.Envelope{Account: account, Event: e, Version: h.versions[id]}
	return h.add(eventstore.Record{ClientID: id, Checksum: 1000 + uint64(len(h.records)), Envelope: envelope})
}

func (h *recorded) created(account string, id int64, name string) *recorded {
	return h.event(account, domain.ClientCreated{ID: id, Name: name, Currency: "Euro - EUR", Active: true})
}

func (h *recorded) renamed(account string, id int64, name string) *recorded {
	return h.event(account, domain.ClientUpdated{ID: id, Name: &name})
}

func (h *recorded) foreign(account string, id int64) *recorded {
	return h.add(eventstore.Record{ClientID: id, Foreign: "no valid envelope", Envelope: domain.Envelope{Account: account}})
}

// again stores a copy of the nth message.
func (h *recorded) again(n int) *recorded { return h.add(h.records[n]) }

// reference stores the reference event of the next message of PROJECTS.
func (h *recorded) reference(e domain.ReferenceEvent) *recorded {
	h.sources++
	e.Source = domain.Position{Stream: "PROJECTS", Created: time.Unix(1, 0), Sequence: h.sources}
	e.EventID, e.Account, e.Subject = fmt.Sprintf("event-%d", h.sources), "a", 1
	return h.add(eventstore.Record{Reference: &e})
}

func project(operation domain.Operation, id, client int64) domain.ReferenceEvent {
	return domain.ReferenceEvent{Kind: domain.Project, Operation: operation, ID: id, ClientID: client}
}

func (h *recorded) folded(t *testing.T, limits references.Limits) *readmodel.Model {
	t.Helper()
	m := readmodel.NewModelWithin(limits)
	for _, r := range h.records {
		require.NoError(t, m.Fold(&r))
	}
	return m
}

// scrubbed returns the faults that a scrub in a number of parts finds when it compares a model with the records of a stream.
func scrubbed(h *recorded, m *readmodel.Model, limits references.Limits, parts int64) (found []Fault) {
	for part := range parts {
		n := newAuditor(&Audit{
			History: &history.History{First: 1, Last: uint64(len(h.records))},
			Fault:   func(f Fault) { found = append(found, f) }, Foreign: func(eventstore.Record) {},
		})
		n.part, n.parts, n.model = part, parts, readmodel.NewModelWithin(limits)
		for _, r := range h.records {
			r.StoredAt = r.StoredAt.In(time.FixedZone("", 3600)) // the same moment, read in another way
			n.record(r, nil)
		}
		n.compareClients(m.View().Accounts)
		n.compareItems(m.View().References)
	}
	return found
}

func kinds(faults []Fault) (kinds []FaultKind) {
	for _, f := range faults {
		kinds = append(kinds, f.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

func TestAScrubComparesClients(t *testing.T) {
	t.Parallel()
	stream := func() *recorded {
		h := newHistory().created("a", 1, "First").created("a", 2, "Second").created("b", 3, "Third").foreign("a", 2)
		h.now = h.now.Add(time.Hour)
		h.renamed("a", 1, "1st")
		h.now = h.now.Add(-time.Minute)
		h.created("b", 4, "Fourth").event("b", domain.ClientDeleted{ID: 3})
		h.now = h.now.Add(time.Hour)
		h.again(1).again(4)
		h.now = h.now.Add(-time.Minute)
		return h.created("b", 6, "Sixth") // by a clock that is behind that of the foreign messages
	}
	for name, c := range map[string]struct {
		change func(h *recorded)
		want   []FaultKind
	}{
		"nothing": {func(*recorded) {}, nil},
		"another name": {func(h *recorded) {
			h.records[1].Event = domain.ClientCreated{ID: 2, Name: "Zecond", Currency: "Euro - EUR", Active: true}
		}, []FaultKind{FaultDiffers}},
		"another event": {func(h *recorded) { h.records[4].Checksum++ }, []FaultKind{FaultDiffers}},
		"another client": {func(h *recorded) {
			h.records[5].ClientID, h.records[5].Event = 5, domain.ClientCreated{ID: 5, Name: "Fourth"}
		}, []FaultKind{FaultDiffers, FaultDiffers}},
		"no deletion":        {func(h *recorded) { h.records[6].Foreign = "no valid envelope" }, []FaultKind{FaultDiffers}},
		"a version too high": {func(h *recorded) { h.records[4].Version++ }, []FaultKind{FaultDiffers, FaultOrder}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, altered := stream().folded(t, references.DefaultLimits()), stream()
			c.change(altered)
			for _, parts := range []int64{1, 3} {
				found := scrubbed(altered, m, references.DefaultLimits(), parts)
				require.Equal(t, c.want, kinds(found), "%d parts", parts)
			}
		})
	}
}

// A scrub reports a difference that it finds twice, also for a client that changes constantly.
func TestAClientThatDiffersTwiceIsReported(t *testing.T) {
	t.Parallel()
	stream := func(names ...string) *recorded {
		h := newHistory().created("a", 1, "First").created("a", 2, "Second")
		for _, name := range names {
			h.renamed("a", 2, name)
		}
		return h
	}
	altered := func(h *recorded) *recorded {
		h.records[1].Event = domain.ClientCreated{ID: 2, Name: "Second", Currency: "Zloty - PLN", Active: true}
		return h
	}
	differ := func(names ...string) []Fault {
		limits := references.DefaultLimits()
		return scrubbed(altered(stream(names...)), stream(names...).folded(t, limits), limits, 1)
	}
	first, second := differ("A"), differ("A", "B")
	require.Len(t, first, 1)
	require.Len(t, second, 1)
	require.Equal(t, first[0].key(), second[0].key())
	require.Contains(t, first[0].Detail, "at version 2, of sequence 3, with the checksum ")
}

func TestAScrubComparesProjects(t *testing.T) {
	t.Parallel()
	limits := references.DefaultLimits()
	stream := func(client int64) *recorded {
		h := newHistory().created("a", 1, "First").reference(project(domain.Created, 7, 1)).reference(project(domain.Created, 8, client))
		return h.reference(domain.ReferenceEvent{Kind: domain.Project, Operation: domain.Changed, ID: 7, Active: new(false)})
	}
	m := stream(1).folded(t, limits)
	for _, parts := range []int64{1, 3} {
		require.Empty(t, scrubbed(stream(1), m, limits, parts))
		require.Equal(t, []FaultKind{FaultReferences}, kinds(scrubbed(stream(2), m, limits, parts)))
	}
}

// A project that was created once more after its deletion had been forgotten exists, in every part.
func TestAScrubForgetsAsTheModelDoes(t *testing.T) {
	t.Parallel()
	limits := references.Limits{EventIDs: 8, Messages: 10}
	h := newHistory().created("a", 1, "First").reference(project(domain.Created, 7, 1)).reference(project(domain.Deleted, 7, 0))
	for range 12 {
		h.reference(domain.ReferenceEvent{})
	}
	h.reference(project(domain.Created, 7, 1))
	m := h.folded(t, limits)
	require.True(t, m.References.Item(domain.Project, "a", 7).Exists)
	for _, parts := range []int64{1, 3} {
		require.Empty(t, scrubbed(h, m, limits, parts), "%d parts", parts)
	}
}
