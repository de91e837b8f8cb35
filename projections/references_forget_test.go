package projections_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/projections/references"
	"clients/projections/snapshot"

	"github.com/stretchr/testify/require"
)

// forgetful returns a directory that remembers less than others.
func forgetful(t testing.TB, ids int, messages uint64) *directory {
	return limited(t, references.Limits{EventIDs: ids, Messages: messages})
}

// restored returns a directory that is restored, within limits, from a snapshot of another one.
func restored(t testing.TB, from *directory, ids int, messages uint64) *directory {
	t.Helper()
	var written bytes.Buffer
	require.NoError(t, snapshot.Encode(&written, from.View()))
	m, err := snapshot.DecodeInto(readmodel.NewModelWithin(references.Limits{EventIDs: ids, Messages: messages}), &written)
	require.NoError(t, err)
	return of(t, m)
}

func TestADuplicateIsRecognisedAmongTheLastEventsOfItsProject(t *testing.T) {
	s := withClients(t)
	kept := references.DefaultLimits().EventIDs
	first := s.learned(created(domain.Project, 7, 1))
	for n := range 3 * kept {
		s.learned(switched(7, n%2 == 0))
	}
	for _, d := range []*directory{s.folded(), throughSnapshot(t, s.folded())} {
		for n := range 3*kept + 1 {
			known := d.Item(domain.Project, "acme", 7).Seen(fmt.Sprintf("event-%d", n+1))
			require.Equal(t, n > 2*kept, known, n)
		}
		require.Equal(t, domain.References{InactiveProjects: 1}, d.State("acme", 1).References)
	}
	again := created(domain.Project, 7, 1)
	again.EventID = first.EventID
	s.learned(again)
	require.Equal(t, domain.References{ActiveProjects: 1}, s.folded().State("acme", 1).References)
}

// Reading all of a stream again leads to the same state, however many events are forgotten.
func TestAStreamThatIsReadAgainLeadsToTheSameState(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := withClients(t)
		var learned []domain.ReferenceEvent
		for range 1 + random.IntN(12) {
			learned = append(learned, s.learned(randomStatement(random)))
		}
		kept := 1 + random.IntN(6)
		before := forgetful(t, kept, 1000)
		require.NoError(t, before.apply(s.history.records))
		s.restore("PROJECTS")
		s.restore("INVOICES")
		for _, f := range learned {
			f.Source = domain.Position{}
			s.learned(f)
		}
		after := forgetful(t, kept, 1000)
		require.NoError(t, after.apply(s.history.records))
		for id := range int64(manyClients) {
			require.Equal(t, before.State("acme", id).References, after.State("acme", id).References, "seed %d, client %d", seed, id)
		}
	}
}

func TestADeletionIsRememberedForALimitedNumberOfMessages(t *testing.T) {
	s := withClients(t)
	first := s.learned(created(domain.Project, 7, 1))
	s.learned(deleted(domain.Project, 7))
	d := forgetful(t, 8, 10)
	require.NoError(t, d.apply(s.history.records))
	for n := range int64(12) {
		require.Equal(t, n <= 10, d.Item(domain.Project, "acme", 7).Seen(first.EventID), n)
		require.Equal(t, n <= 10, restored(t, d, 8, 10).Item(domain.Project, "acme", 7).Seen(first.EventID), n)
		s.passed(created(domain.Project, 8, 1))
		require.NoError(t, d.apply(s.history.records[len(s.history.records)-1:]))
	}
	require.Zero(t, d.View().References.Len())
}

func TestWhatWasCreatedAgainIsNotForgotten(t *testing.T) {
	s := withClients(t)
	s.learned(created(domain.Project, 7, 1))
	s.learned(deleted(domain.Project, 7))
	s.learned(created(domain.Project, 7, 2))
	for range 20 {
		s.passed(created(domain.Project, 8, 1))
	}
	d := forgetful(t, 8, 10)
	require.NoError(t, d.apply(s.history.records))
	require.Equal(t, domain.References{ActiveProjects: 1}, d.State("acme", 2).References)
}

// The messages of a recreated stream count as well: earlier deletions are forgotten in time.
func TestDeletionsOfAFormerStreamAreForgotten(t *testing.T) {
	s := withClients(t)
	s.learned(created(domain.Invoice, 7, 1))
	s.learned(deleted(domain.Invoice, 7))
	for n := range 3 {
		s.recreate("INVOICES")
		for range 4 {
			s.passed(created(domain.Invoice, 8, 1))
		}
		d := forgetful(t, 8, 10)
		require.NoError(t, d.apply(s.history.records))
		require.Equal(t, n == 2, d.View().References.Len() == 0, n)
	}
}

// Random histories, of which much is forgotten, lead to the same state with and without a snapshot in between.
func TestForgettingIsAFunctionOfTheStream(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, round))
		s := &sources{history: newHistory(t), streams: map[string]*sourceStream{}}
		for id := range int64(manyClients) {
			s.history.created("acme", 1+id, "A")
		}
		var passed []domain.ReferenceEvent
		for range 100 {
			switch random.IntN(12) {
			case 0:
				passed = append(passed, s.passed(randomStatement(random)))
			case 1:
				if len(passed) > 0 {
					late := passed[random.IntN(len(passed))]
					late.Late = true
					s.record(late)
				}
			case 2:
				if name := []string{"PROJECTS", "INVOICES"}[random.IntN(2)]; random.IntN(3) == 0 && s.stream(name).sequence > 0 {
					s.restore(name)
				} else if random.IntN(3) == 0 {
					s.recreate(name)
				}
			case 3:
				if id := 1 + random.Int64N(manyClients); s.history.versions[id] == 1 && random.IntN(4) == 0 {
					s.history.happened("acme", domain.ClientDeleted{ID: id})
				}
			default:
				f := randomStatement(random)
				f.EventID = fmt.Sprint(random.IntN(40))
				s.learned(f)
			}
		}
		kept, messages := 1+random.IntN(4), uint64(random.IntN(20))
		whole, cut := forgetful(t, kept, messages), random.IntN(len(s.history.records))
		require.NoError(t, whole.apply(s.history.records[:cut]))
		tail := restored(t, whole, kept, messages)
		requireSame(t, whole, tail, "at the cut")
		require.NoError(t, whole.apply(s.history.records[cut:]))
		require.NoError(t, tail.apply(s.history.records[cut:]))
		requireSame(t, whole, tail, fmt.Sprintf("round %d", round))
	}
}

// Earlier releases forgot nothing. Their snapshots are reduced to what a replay remembers.
func TestASnapshotOfAReleaseThatForgotNothingIsReduced(t *testing.T) {
	s := withClients(t)
	for id := range int64(30) {
		s.learned(created(domain.Project, id+1, 1))
		for range id % 10 {
			s.learned(switched(id+1, false))
		}
		if id%3 > 0 {
			s.learned(deleted(domain.Project, id+1))
		}
	}
	all, some := forgetful(t, 1000, 1000), forgetful(t, 4, 20)
	require.NoError(t, all.apply(s.history.records))
	require.NoError(t, some.apply(s.history.records))
	require.NotEqual(t, snapshot.Digest(all.View()), snapshot.Digest(some.View()))
	requireSame(t, some, restored(t, all, 4, 20), "restored")
}

func TestNothingIsCountedForAClientThatWasDeleted(t *testing.T) {
	s := withClients(t)
	s.learned(invoiced(1, 1, "task", "2011"))
	s.learned(created(domain.Project, 7, 1))
	s.history.happened("acme", domain.ClientDeleted{ID: 1})
	s.learned(created(domain.Project, 8, 1))
	s.learned(invoiced(2, 1, "people", "2012"))
	s.learned(switched(7, false))
	for _, d := range []*directory{s.folded(), throughSnapshot(t, s.folded())} {
		require.Empty(t, maps.Collect(d.View().References.Clients()))
	}
}

// A snapshot stays as it is while the directory changes, and neither waits for the other.
func TestASnapshotIsWrittenWhileTheDirectoryChanges(t *testing.T) {
	t.Parallel()
	s := withClients(t)
	for n := range int64(2000) {
		s.learned(created([]domain.ReferenceKind{domain.Project, domain.Invoice}[n%2], n/2, 1+n%2))
	}
	d := s.folded()
	want := snapshot.Digest(d.View())
	view := d.View()
	done := len(s.history.records)
	for n := range int64(2000) {
		switch kind := []domain.ReferenceKind{domain.Project, domain.Invoice}[n%2]; n % 3 {
		case 0:
			s.learned(deleted(kind, n/2))
		default:
			s.learned(moved(kind, n/2, 2))
		}
	}
	s.history.created("acme", 3, "Three").happened("acme", domain.ClientDeleted{ID: 3})
	var folding sync.WaitGroup
	folding.Go(func() {
		for _, r := range s.history.records[done:] {
			_ = d.apply(s.history.records[r.Sequence-1 : r.Sequence])
		}
	})
	for range 20 {
		require.NoError(t, snapshot.Encode(io.Discard, view))
	}
	folding.Wait()
	require.Equal(t, want, snapshot.Digest(view))
	requireSame(t, s.folded(), d, "it went on")
}
