package projections_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// statement is one event of another service, in its place among all of them.
type statement struct {
	era      int // which stream, or which round of it
	sequence uint64
	event    domain.ReferenceEvent
}

type era struct {
	stream  string
	created time.Time
}

func eraOf(p domain.Position) era { return era{p.Stream, p.Created} }

// naive is the naive model of references: it keeps every statement, and evaluates all of them again for each result.
type naive struct {
	statements []statement // as they were received
	eras       map[era]int // the present one of each stream
	latest     int
}

// add adds a statement that is new.
func (h *naive) add(f domain.ReferenceEvent) {
	for _, u := range h.statements {
		if u.event.Kind == f.Kind && u.event.ID == f.ID && u.event.EventID == f.EventID {
			return
		}
	}
	h.statements = append(h.statements, statement{h.eras[eraOf(f.Source)], f.Source.Sequence, f})
}

// begin starts an era: a stream was created or restored.
func (h *naive) begin(p domain.Position) {
	h.latest++
	h.eras[eraOf(p)] = h.latest
}

// references evaluates all statements in order, and counts what is left for a client.
func (h *naive) references(client int64) (r domain.References) {
	type item struct {
		beginnings, ends, changes int // how many of each; an end undoes all beginnings
		client                    int64
		inactive                  bool
	}
	type name struct {
		kind domain.ReferenceKind
		id   int64
	}
	items := map[name]*item{}
	ordered := slices.Clone(h.statements)
	slices.Reverse(ordered) // of two in the same place the first received one counts
	slices.SortStableFunc(ordered, func(a, b statement) int {
		return cmp.Or(cmp.Compare(a.era, b.era), cmp.Compare(a.sequence, b.sequence))
	})
	for _, u := range ordered {
		key := name{u.event.Kind, u.event.ID}
		if items[key] == nil {
			items[key] = &item{}
		}
		s := items[key]
		switch u.event.Operation {
		case domain.Created:
			s.beginnings++
		case domain.Deleted:
			s.beginnings = 0
			s.ends++
		default:
			s.changes++
		}
		if u.event.ClientID > 0 {
			s.client = u.event.ClientID
		}
		if u.event.Active != nil {
			s.inactive = !*u.event.Active
		}
	}
	for key, s := range items {
		there := s.beginnings > 0 || s.ends == 0 && s.changes > 0
		switch {
		case !there || s.client != client:
		case key.kind == domain.Invoice:
			r.Invoices++
		case s.inactive:
			r.InactiveProjects++
		default:
			r.ActiveProjects++
		}
	}
	return r
}

const manyClients = 4

// randomStatement is about one of a few items, so that each has many.
func randomStatement(random *rand.Rand) domain.ReferenceEvent {
	f := domain.ReferenceEvent{Kind: domain.Project, ID: 1 + random.Int64N(6), Operation: domain.Changed}
	if random.IntN(3) == 0 {
		f.Kind = domain.Invoice
	}
	switch random.IntN(6) {
	case 0, 1:
		f.Operation, f.ClientID = domain.Created, 1+random.Int64N(manyClients)
		if f.Kind == domain.Project {
			f.Active = new(random.IntN(3) > 0)
		}
	case 2:
		f.Operation = domain.Deleted
	case 3:
		f.ClientID = 1 + random.Int64N(manyClients)
	case 4:
		if f.Kind == domain.Project {
			f.Active = new(random.IntN(2) == 0)
		}
	}
	return f
}

func TestRandomReferencesFoldAsInANaiveModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, round))
		s := &sources{history: newHistory(t), streams: map[string]*sourceStream{}}
		for id := range int64(manyClients) {
			s.history.created("acme", 1+id, "A")
		}
		model := &naive{eras: map[era]int{}}
		var heard, letters []domain.ReferenceEvent
		take := func(f domain.ReferenceEvent) {
			if model.eras[eraOf(f.Source)] == 0 {
				model.begin(f.Source)
			}
			heard = append(heard, f)
		}
		for range 150 {
			switch random.IntN(16) {
			case 0: // the same event, published once more
				if len(heard) > 0 {
					f := heard[random.IntN(len(heard))]
					f.Source, f.Late = domain.Position{}, false
					f = s.learned(f)
					take(f)
					model.add(f)
				}
			case 1, 2: // an event of a replica that was behind
				if len(heard) > 0 {
					s.repeated(heard[random.IntN(len(heard))])
				}
			case 3: // and one that read something else there, before the stream was put back
				if len(heard) > 0 {
					f := randomStatement(random)
					f.Account, f.EventID, f.Source = "acme", "of old", heard[random.IntN(len(heard))].Source
					s.repeated(f)
				}
			case 4:
				f := s.passed(randomStatement(random))
				take(f)
				letters = append(letters, f)
			case 5, 6: // a dead letter that is retried
				if len(letters) > 0 {
					f := letters[random.IntN(len(letters))]
					f.Late = true
					s.record(f)
					model.add(f)
				}
			case 7:
				if random.IntN(3) == 0 {
					s.history.now = s.history.now.Add(time.Hour)
					s.recreate([]string{"PROJECTS", "INVOICES"}[random.IntN(2)])
				}
			case 8:
				name := []string{"PROJECTS", "INVOICES"}[random.IntN(2)]
				if random.IntN(3) == 0 && s.stream(name).sequence > 0 {
					begun := s.restore(name)
					model.begin(begun.Source)
					s.repeated(begun) // another replica has noticed it, too
				}
			default:
				f := s.learned(randomStatement(random))
				take(f)
				model.add(f)
			}
		}
		d := newDirectory(t)
		for rest := s.history.records; len(rest) > 0; {
			n := 1 + random.IntN(len(rest))
			require.NoError(t, d.apply(rest[:n]))
			rest = rest[n:]
		}
		for id := range int64(manyClients) {
			require.Equal(t, model.references(1+id), d.State("acme", 1+id).References, "seed %d, round %d, client %d", seed, round, 1+id)
		}
		requireSnapshotsChangeNothing(t, s.history.records, random)
	}
}
