package upstream_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// perforated makes a stream of projects that keeps the last message of each subject, and puts n messages into it with a
// hole before each but the first.
func perforated(t *testing.T, s *system, n int, change ...func(*jetstream.StreamConfig)) (seen []string) {
	t.Helper()
	makeProjects(t, s, append(change, func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 })...)
	for i := range n {
		if i > 0 {
			publish(t, s, "projects.a.0", 1)
		}
		last := publish(t, s, fmt.Sprint("projects.a.", i+1), 1)
		seen = append(seen, fmt.Sprint(last))
	}
	publish(t, s, "projects.a.0", 1)
	return append(seen, fmt.Sprint(2*n))
}

func onlyProjects(c *jetstream.StreamConfig) { c.Subjects = []string{upstream.Projects.Filter} }

func (w *witness) lost() (sum uint64) {
	for _, n := range w.expirations() {
		sum += n
	}
	return sum
}

// A stream that keeps the newest message of each subject has as many holes as messages.
func TestManyHolesCostLittleAndAreCounted(t *testing.T) {
	t.Parallel()
	const n = 100
	for name, c := range map[string]struct {
		servers, questions int
	}{"one server": {1, 20}, "three servers": {3, 3 * n}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := onServers(t, c.servers)
			want := perforated(t, s, n, onlyProjects)
			var questions atomic.Int64
			_, err := s.nc.Subscribe("$JS.API.STREAM.*.*.PROJECTS", func(*nats.Msg) { questions.Add(1) })
			require.NoError(t, err)
			_, err = s.nc.Subscribe("$JS.API.STREAM.*.PROJECTS", func(*nats.Msg) { questions.Add(1) })
			require.NoError(t, err)
			w := watched(t, s)
			w.sees(want...)
			require.LessOrEqual(t, questions.Load(), int64(c.questions))
			require.True(t, settles(func() bool { return w.lost() == n-1 }), "they were gone before they were read: %d", w.lost())
		})
	}
}

// Nobody can tell what was in a hole of a stream that also holds what is not read.
func TestHolesAmongOtherMessagesAreNotCounted(t *testing.T) {
	t.Parallel()
	s := onServers(t, 1)
	want := perforated(t, s, 20)
	w := watched(t, s)
	w.sees(want...)
	publish(t, s, "projects.a.99", 1)
	w.sees(append(want, "41")...)
	require.Zero(t, w.lost())
}

// What is deleted from the end before it is read is gone as well.
func TestMessagesThatAreGoneFromTheEndAreCounted(t *testing.T) {
	t.Parallel()
	s := onServers(t, 1)
	makeProjects(t, s, onlyProjects)
	publish(t, s, "projects.a.1", 5)
	for _, n := range []uint64{4, 5} {
		require.NoError(t, projects(t, s).DeleteMsg(deadline(t), n))
	}
	w := watched(t, s)
	w.sees("1", "2", "3", "gone 5")
	require.Equal(t, []uint64{2}, w.expirations())
}
