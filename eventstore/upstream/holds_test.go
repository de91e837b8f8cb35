package upstream_test

import (
	"testing"
	"time"

	"clients/eventstore/natstest"
	"clients/eventstore/upstream"

	"github.com/stretchr/testify/require"
)

// A source is known by when the message was stored up to which it was read, and where that is gone, by what else there is.
func TestASourceIsKnownByWhatWasReadOfIt(t *testing.T) {
	t.Parallel()
	s := withProjects(t)
	publish(t, s, "projects.a.1", 6)
	var stored [7]time.Time
	for n := uint64(1); n <= 6; n++ {
		m, err := s.Message(deadline(t), upstream.Projects, n)
		require.NoError(t, err)
		stored[n] = m.StoredAt
	}
	require.NoError(t, projects(t, s).DeleteMsg(deadline(t), 4))
	earlier := func(n int) time.Time { return stored[n].Add(-time.Nanosecond) }
	for name, c := range map[string]struct {
		sequence uint64
		storedAt time.Time
		want     bool
	}{
		"nothing was read":          {0, time.Time{}, true},
		"the last message":          {6, stored[6], true},
		"another last message":      {6, earlier(6), false},
		"a message before it":       {3, stored[3], true},
		"another one":               {3, earlier(3), false},
		"not stored yet":            {7, stored[6], false},
		"deleted":                   {4, stored[4], true},
		"deleted, stored before it": {4, earlier(5), true},
		"deleted, the one before it was stored later": {4, earlier(3), false},
		"deleted, all others were stored later":       {4, earlier(1), false},
		"unknown storage time":                        {3, time.Time{}, true},
		"unknown storage time, beyond the end":        {7, time.Time{}, false},
	} {
		state, err := s.State(deadline(t), upstream.Projects)
		require.NoError(t, err)
		holds, err := s.Holds(deadline(t), upstream.Projects, state, c.sequence, c.storedAt)
		require.NoError(t, err)
		require.Equal(t, c.want, holds, name)
	}
	before, err := s.State(deadline(t), upstream.Projects)
	require.NoError(t, err)
	publish(t, s, "projects.a.1", 1)
	m, err := s.Message(deadline(t), upstream.Projects, 7)
	require.NoError(t, err)
	holds, err := s.Holds(deadline(t), upstream.Projects, before, 7, m.StoredAt)
	require.NoError(t, err)
	require.True(t, holds, "the message was read after the state")
}

// New messages at sequences that were read before are read again, whichever of them were deleted.
func TestASourceThatIsPutBackIsReadAgainThoughItsLastMessageIsGone(t *testing.T) {
	t.Parallel()
	w := newWitness(t, nil)
	w.away = true
	s := backed(t, w, natstest.Run(t, 1), func(s *system) {
		publish(t, s, "projects.a.2", 4)
		require.NoError(t, projects(t, s).DeleteMsg(deadline(t), 5))
	})
	w.sees(append(span(1, 5), "1", "2", "3", "4", "6", "7")...)
	publish(t, s, "projects.a.2", 1)
	w.sees(append(span(1, 5), "1", "2", "3", "4", "6", "7", "8")...)
	require.Equal(t, 1, w.rewinds)
}
