package projections

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// forgetful is a directory that remembers less than others.
func forgetful(keptIDs int, keptMessages uint64) *Directory {
	d := quietDirectory(noStream{})
	d.references.keptIDs, d.references.keptMessages = keptIDs, keptMessages
	return d
}

// restoredInto is what d makes of the snapshot of another.
func restoredInto(t testing.TB, d, from *Directory) *Directory {
	t.Helper()
	var written bytes.Buffer
	require.NoError(t, from.Snapshot().Write(&written))
	require.NoError(t, d.Restore(&written))
	return d
}

func TestARepeatIsRecognisedAmongTheLastEventsOfItsProject(t *testing.T) {
	s := withClients(t)
	first := s.learned(created(domain.Project, 7, 1))
	for n := range 3 * keptIDs {
		s.learned(switched(7, n%2 == 0))
	}
	for _, d := range []*Directory{s.folded(), throughSnapshot(t, s.folded())} {
		for n := range 3*keptIDs + 1 {
			known := d.Thing(domain.Project, "acme", 7, fmt.Sprintf("event-%d", n+1)).Repeat
			require.Equal(t, n > 2*keptIDs, known, n)
		}
		require.Equal(t, domain.References{InactiveProjects: 1}, d.State("acme", 1).References)
	}
	again := created(domain.Project, 7, 1)
	again.EventID = first.EventID
	s.learned(again)
	require.Equal(t, domain.References{ActiveProjects: 1}, s.folded().State("acme", 1).References)
}

// However many events are forgotten, reading all of a stream again leads to where it led before.
func TestAStreamThatIsReadAgainLeadsToTheSameState(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := withClients(t)
		var said []domain.ReferenceEvent
		for range 1 + random.IntN(12) {
			said = append(said, s.learned(randomUtterance(random)))
		}
		kept := 1 + random.IntN(6)
		before := forgetful(kept, 1000)
		require.NoError(t, before.apply(s.history.records))
		s.putBack("PROJECTS")
		s.putBack("INVOICES")
		for _, f := range said {
			f.Source = domain.Position{}
			s.learned(f)
		}
		after := forgetful(kept, 1000)
		require.NoError(t, after.apply(s.history.records))
		for id := range int64(manyClients) {
			require.Equal(t, before.State("acme", id).References, after.State("acme", id).References, "seed %d, client %d", seed, id)
		}
	}
}

func TestADeletionIsRememberedForSoManyMessages(t *testing.T) {
	s := withClients(t)
	first := s.learned(created(domain.Project, 7, 1))
	s.learned(deleted(domain.Project, 7))
	d := forgetful(8, 10)
	require.NoError(t, d.apply(s.history.records))
	for n := range int64(12) {
		require.Equal(t, n <= 10, d.Thing(domain.Project, "acme", 7, first.EventID).Repeat, n)
		require.Equal(t, n <= 10, restoredInto(t, forgetful(8, 10), d).Thing(domain.Project, "acme", 7, first.EventID).Repeat, n)
		s.passed(created(domain.Project, 8, 1))
		require.NoError(t, d.apply(s.history.records[len(s.history.records)-1:]))
	}
	require.Empty(t, d.references.gone[domain.Project])
	require.Zero(t, d.references.tree(scope{domain.Project, "acme"}).Len())
}

func TestWhatWasCreatedAgainIsNotForgotten(t *testing.T) {
	s := withClients(t)
	s.learned(created(domain.Project, 7, 1))
	s.learned(deleted(domain.Project, 7))
	s.learned(created(domain.Project, 7, 2))
	for range 20 {
		s.passed(created(domain.Project, 8, 1))
	}
	d := forgetful(8, 10)
	require.NoError(t, d.apply(s.history.records))
	require.Equal(t, domain.References{ActiveProjects: 1}, d.State("acme", 2).References)
}

// A stream that is made again counts on: what was deleted before is forgotten in its time.
func TestDeletionsOfAFormerStreamAreForgotten(t *testing.T) {
	s := withClients(t)
	s.learned(created(domain.Invoice, 7, 1))
	s.learned(deleted(domain.Invoice, 7))
	for n := range 3 {
		s.madeAgain("INVOICES")
		for range 4 {
			s.passed(created(domain.Invoice, 8, 1))
		}
		d := forgetful(8, 10)
		require.NoError(t, d.apply(s.history.records))
		require.Equal(t, n == 2, d.references.tree(scope{domain.Invoice, "acme"}).Len() == 0, n)
	}
}

// Random histories, of which much is forgotten, lead to the same whether or not a snapshot was in between.
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
				passed = append(passed, s.passed(randomUtterance(random)))
			case 1:
				if len(passed) > 0 {
					late := passed[random.IntN(len(passed))]
					late.Late = true
					s.record(late)
				}
			case 2:
				if name := []string{"PROJECTS", "INVOICES"}[random.IntN(2)]; random.IntN(3) == 0 && s.stream(name).sequence > 0 {
					s.putBack(name)
				} else if random.IntN(3) == 0 {
					s.madeAgain(name)
				}
			case 3:
				if id := 1 + random.Int64N(manyClients); s.history.versions[id] == 1 && random.IntN(4) == 0 {
					s.history.happened("acme", domain.ClientDeleted{ID: id})
				}
			default:
				f := randomUtterance(random)
				f.EventID = fmt.Sprint(random.IntN(40))
				s.learned(f)
			}
		}
		kept, messages := 1+random.IntN(4), uint64(random.IntN(20))
		whole, cut := forgetful(kept, messages), random.IntN(len(s.history.records))
		require.NoError(t, whole.apply(s.history.records[:cut]))
		tail := restoredInto(t, forgetful(kept, messages), whole)
		requireSame(t, whole, tail, "at the cut")
		require.NoError(t, whole.apply(s.history.records[cut:]))
		require.NoError(t, tail.apply(s.history.records[cut:]))
		requireSame(t, whole, tail, fmt.Sprintf("round %d", round))
	}
}

// Releases before forgot nothing. What one of them has saved is cut to what a replay remembers.
func TestASnapshotThatForgotNothingIsReadAsIfItHad(t *testing.T) {
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
	all, some := forgetful(1000, 1000), forgetful(4, 20)
	require.NoError(t, all.apply(s.history.records))
	require.NoError(t, some.apply(s.history.records))
	require.NotEqual(t, all.Snapshot().digest(), some.Snapshot().digest())
	requireSame(t, some, restoredInto(t, forgetful(4, 20), all), "restored")
}

func TestNothingIsCountedForAClientThatWasDeleted(t *testing.T) {
	s := withClients(t)
	s.learned(invoiced(1, 1, "task", "2011"))
	s.learned(created(domain.Project, 7, 1))
	s.history.happened("acme", domain.ClientDeleted{ID: 1})
	s.learned(created(domain.Project, 8, 1))
	s.learned(invoiced(2, 1, "people", "2012"))
	s.learned(switched(7, false))
	for _, d := range []*Directory{s.folded(), throughSnapshot(t, s.folded())} {
		require.Zero(t, d.references.held.Len())
	}
}

// A snapshot stays as it is while the directory goes on, and neither waits for the other.
func TestASnapshotIsWrittenWhileTheDirectoryGoesOn(t *testing.T) {
	t.Parallel()
	s := withClients(t)
	for n := range int64(2000) {
		s.learned(created([]domain.ReferenceKind{domain.Project, domain.Invoice}[n%2], n/2, 1+n%2))
	}
	d := s.folded()
	want := d.Snapshot().digest()
	snapshot := d.Snapshot()
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
		require.NoError(t, snapshot.Write(io.Discard))
	}
	folding.Wait()
	require.Equal(t, want, snapshot.digest())
	requireSame(t, s.folded(), d, "it went on")
}

func TestIDSet(t *testing.T) {
	s, want := newIDSet(), []int64{1, 2, 63, 64, 65, 1 << 40, 1<<63 - 1}
	for _, id := range append(want, want...) {
		s.add(id)
	}
	copied := s.copy()
	s.add(3)
	var got []int64
	for id := range copied.all() {
		got = append(got, id)
		require.True(t, s.has(id))
	}
	require.Equal(t, want, got)
	require.Equal(t, []int{len(want), len(want) + 1}, []int{copied.size, s.size})
	require.False(t, copied.has(3))
	require.False(t, s.has(4))
}
