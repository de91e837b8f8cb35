package projections

import (
	"context"
	"errors"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

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
	require.Equal(t, Reached{Sequence: 2, StoredAt: f.StoredAt, Recorder: "a"}, reached)

	s.repeated(f)
	reached, _ = s.folded().Reached("PROJECTS", first)
	require.Equal(t, "a", reached.Recorder, "a repeat is no reason to wait for who repeats")

	late := f
	late.Late, late.Replica, late.Source.Sequence = true, "operator", 99
	s.record(late)
	reached, _ = s.folded().Reached("PROJECTS", first)
	require.Equal(t, Reached{Sequence: 2, StoredAt: f.StoredAt, Recorder: "a"}, reached, "a late fact says nothing of its neighbours")

	reached, _ = s.folded().Reached("INVOICES", first)
	require.Zero(t, reached)
	s.madeAgain("PROJECTS")
	reached, _ = s.folded().Reached("PROJECTS", s.stream("PROJECTS").created)
	require.Equal(t, Reached{Recorder: "a"}, reached, "the stream that was made again begins at 1, and has the same readers")
}

func TestARoundOfAStreamBeginsOnce(t *testing.T) {
	s := withClients(t)
	stream := s.stream("PROJECTS")
	old := s.learned(created(domain.Project, 7, 1))
	s.learned(switched(7, false))
	begun := s.putBack("PROJECTS")
	reached, _ := s.folded().Reached("PROJECTS", stream.created)
	require.Equal(t, Reached{Round: 1, Recorder: "a"}, reached)

	s.learned(switched(7, true))
	s.repeated(begun)
	s.repeated(old)
	past := old
	past.Source.Sequence = 50 // of the round before
	s.repeated(past)
	d := s.folded()
	reached, _ = d.Reached("PROJECTS", stream.created)
	require.Equal(t, uint64(1), reached.Sequence)
	require.Equal(t, 1, reached.Round)
	require.Equal(t, domain.References{ActiveProjects: 1}, d.State("acme", 1).References, "the newest word is that of the new round")

	s.putBack("PROJECTS")
	reached, _ = s.folded().Reached("PROJECTS", stream.created)
	require.Equal(t, Reached{Round: 2, Recorder: "a"}, reached)
}

func TestAwaitReachedReturnsWhenTheFactShows(t *testing.T) {
	s := withClients(t)
	one, two := s.learned(created(domain.Project, 7, 1)), s.learned(created(domain.Project, 8, 1))
	d := quietDirectory(noStream{})
	shown := make(chan domain.References, 2)
	for _, f := range []domain.ReferenceEvent{two, one} {
		go func() {
			_ = d.AwaitReached(t.Context(), f.Source)
			shown <- d.State("acme", 1).References
		}()
	}
	records := s.history.records
	require.NoError(t, d.apply(records[:3]))
	require.Equal(t, domain.References{ActiveProjects: 1}, <-shown)
	require.NoError(t, d.apply(records[3:]))
	require.Equal(t, domain.References{ActiveProjects: 2}, <-shown)
	require.NoError(t, d.AwaitReached(t.Context(), one.Source), "what is passed is reached")
	require.NoError(t, d.AwaitReached(t.Context(), domain.Position{Stream: "INVOICES", Created: time.Now()}), "an empty stream is")
}

func TestAwaitReachedEndsWithItsContext(t *testing.T) {
	d := quietDirectory(noStream{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.AwaitReached(ctx, domain.Position{Stream: "PROJECTS", Sequence: 1}), context.Canceled)
}

func TestWhoAwaitsAPositionIsToldThatTheStreamCannotBeFollowed(t *testing.T) {
	broken := errors.New("broken")
	following := make(chan struct{})
	d := quietDirectory(stoppable{following, broken})
	position := domain.Position{Stream: "PROJECTS", Sequence: 1}
	ended := make(chan error, 1)
	go func() { ended <- d.Follow(t.Context()) }()
	_, changed := d.Reached("PROJECTS", time.Time{})
	waiting := make(chan error, 1)
	go func() { waiting <- d.AwaitReached(t.Context(), position) }()
	close(following)
	require.ErrorIs(t, <-ended, broken)
	require.ErrorIs(t, <-waiting, broken)
	<-changed
	require.ErrorIs(t, d.AwaitReached(t.Context(), position), broken)
}

// stoppable breaks when it is told to.
type stoppable struct {
	stop chan struct{}
	err  error
}

func (s stoppable) LastSequence(context.Context) (uint64, error) { return 0, nil }
func (s stoppable) Tail(context.Context, uint64, func([]eventstore.Record) error) error {
	<-s.stop
	return s.err
}
