package projections_test

import (
	"testing"

	"clients/domain"
	"clients/eventstore/upstream"
	"clients/projections/references"

	"github.com/stretchr/testify/require"
)

func TestReachedIsWhereTheRecordOfAStreamEnds(t *testing.T) {
	s := withClients(t)
	first := s.stream("PROJECTS").created
	d := s.folded()
	reached, _ := d.Reached("PROJECTS", first)
	require.Zero(t, reached)

	s.learned(created(domain.Project, 7, 1))
	f := s.passed(created(domain.Project, 8, 9))
	reached, _ = s.folded().Reached("PROJECTS", first)
	require.Equal(t, references.Reached{Recorded: upstream.Recorded{Sequence: 2, StoredAt: f.StoredAt}, Replica: "a"}, reached)

	s.repeated(f)
	reached, _ = s.folded().Reached("PROJECTS", first)
	require.Equal(t, "a", reached.Replica, "a repeat is no reason to wait for who repeats")

	late := f
	late.Late, late.Replica, late.Source.Sequence = true, "operator", 99
	s.record(late)
	reached, _ = s.folded().Reached("PROJECTS", first)
	require.Equal(t, references.Reached{Recorded: upstream.Recorded{Sequence: 2, StoredAt: f.StoredAt}, Replica: "a"}, reached, "a late event does not move the record")

	reached, _ = s.folded().Reached("INVOICES", first)
	require.Zero(t, reached)
	s.recreate("PROJECTS")
	reached, _ = s.folded().Reached("PROJECTS", s.stream("PROJECTS").created)
	require.Equal(t, references.Reached{Replica: "a"}, reached, "the stream that was made again begins at 1, and has the same readers")
}

func TestAGenerationStartsOnce(t *testing.T) {
	s := withClients(t)
	stream := s.stream("PROJECTS")
	old := s.learned(created(domain.Project, 7, 1))
	s.learned(switched(7, false))
	begun := s.restore("PROJECTS")
	reached, _ := s.folded().Reached("PROJECTS", stream.created)
	require.Equal(t, references.Reached{Recorded: upstream.Recorded{Generation: 1}, Replica: "a"}, reached)

	s.learned(switched(7, true))
	s.repeated(begun)
	s.repeated(old)
	past := old
	past.Source.Sequence = 50 // of the round before
	s.repeated(past)
	d := s.folded()
	reached, _ = d.Reached("PROJECTS", stream.created)
	require.Equal(t, uint64(1), reached.Sequence)
	require.Equal(t, 1, reached.Generation)
	require.Equal(t, domain.References{ActiveProjects: 1}, d.State("acme", 1).References, "the newest word is that of the new round")

	s.restore("PROJECTS")
	reached, _ = s.folded().Reached("PROJECTS", stream.created)
	require.Equal(t, references.Reached{Recorded: upstream.Recorded{Generation: 2}, Replica: "a"}, reached)
}

func TestReachedChangesWhenTheEventShows(t *testing.T) {
	s := withClients(t)
	one, two := s.learned(created(domain.Project, 7, 1)), s.learned(created(domain.Project, 8, 1))
	d := newDirectory(t)
	shown := make(chan domain.References, 2)
	for _, f := range []domain.ReferenceEvent{two, one} {
		go func() {
			reached, changed := d.Reached("PROJECTS", f.Source.Created)
			for ; reached.Sequence < f.Source.Sequence; reached, changed = d.Reached("PROJECTS", f.Source.Created) {
				<-changed
			}
			shown <- d.State("acme", 1).References
		}()
	}
	records := s.history.records
	require.NoError(t, d.apply(records[:3]))
	require.Equal(t, domain.References{ActiveProjects: 1}, <-shown)
	require.NoError(t, d.apply(records[3:]))
	require.Equal(t, domain.References{ActiveProjects: 2}, <-shown)
}
