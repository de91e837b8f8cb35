package projections_test

import (
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// A replica that had read another stream than the one that it stored in has skipped messages that are not on record here:
// its events about later messages do not count.
func TestAReferenceEventCountsIfItFollowsOnTheRecord(t *testing.T) {
	s := withClients(t)
	created := s.stream("PROJECTS").created
	say := func(sequence, previous uint64, id int64) {
		one := int64(1)
		s.record(domain.ReferenceEvent{
			Source: domain.Position{Stream: "PROJECTS", Created: created, Sequence: sequence}, Previous: previous, Account: "acme", Subject: one,
			Kind: domain.Project, Operation: domain.Created, ID: id, ClientID: one,
		})
	}
	reaches := func(sequence uint64, projects int) {
		t.Helper()
		d := s.folded()
		reached, _ := d.Reached("PROJECTS", created)
		require.Equal(t, sequence, reached.Sequence)
		require.Equal(t, projects, d.State("acme", 1).References.ActiveProjects)
	}
	say(5, 4, 5)
	reaches(0, 0)
	say(2, 0, 2)
	reaches(2, 1)
	say(5, 4, 5)
	reaches(2, 1)
	say(3, 1, 3)
	reaches(3, 2)
	say(5, 3, 5)
	reaches(5, 3)
	say(9, 0, 9) // of a release without the previous position
	reaches(9, 4)
}
