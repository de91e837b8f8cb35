package metrics

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLag(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	second := func(n int) time.Time { return begun.Add(time.Duration(n) * time.Second) }
	var l lag
	requireLag := func(messages uint64, seconds int, shown uint64, now int) {
		t.Helper()
		behind, since := l.behind(shown, second(now))
		require.Equal(t, messages, behind)
		require.Equal(t, time.Duration(seconds)*time.Second, since)
	}
	requireLag(0, 0, 0, 0)
	l.observe(10, second(1))
	requireLag(0, 0, 10, 5) // nothing more is known
	l.observe(12, second(6))
	requireLag(2, 1, 10, 7)
	l.observe(12, second(7))
	l.observe(20, second(8))
	requireLag(10, 3, 10, 9)
	requireLag(8, 1, 12, 9) // what it waits for is newer
	requireLag(1, 100, 19, 108)
	l.observe(19, second(109)) // it was put back
	requireLag(0, 0, 19, 110)
	l.observe(25, second(111))
	l.observe(22, second(112))
	requireLag(3, 2, 19, 113)
	l.reset()
	requireLag(0, 0, 0, 114)
}

func TestLagRemembersNoMoreThanItHasRoomFor(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	var l lag
	for i := range 2 * maxObservations {
		l.observe(uint64(i+1), begun.Add(time.Duration(i)*time.Second))
	}
	require.LessOrEqual(t, len(l.observations), maxObservations)
	messages, since := l.behind(0, begun.Add(time.Hour))
	require.EqualValues(t, 2*maxObservations, messages)
	require.Equal(t, time.Hour, since)
}
