package upstream_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"clients/eventstore/natstest"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// A stream that is made again begins at 1 again: nothing of it is taken for what was read before, and nothing is lost.
func TestASourceThatIsMadeAgainIsReadFromItsBeginning(t *testing.T) {
	t.Parallel()
	s := withProjects(t)
	w := watched(t, s)
	for range 4 {
		publish(t, s, "projects.a.1", 40)
		require.NoError(t, s.js.DeleteStream(deadline(t), upstream.Projects.Name))
		makeProjects(t, s)
	}
	publish(t, s, "projects.a.1", 7)
	state, err := s.State(deadline(t), upstream.Projects)
	require.NoError(t, err)
	var last []upstream.Message
	require.True(t, settles(func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		last = last[:0]
		for _, m := range w.messages {
			if m.Created.Equal(state.Created) {
				last = append(last, m)
			}
		}
		return len(last) >= 7
	}))
	require.Len(t, last, 7)
	for i, m := range last {
		require.Equal(t, uint64(i+1), m.Sequence)
		require.Equal(t, uint64(i), m.Previous)
		require.Equal(t, last[0].Created, m.Created)
	}
	require.Zero(t, w.rewinds)
}

// backed is a server whose stream of projects was put back to an earlier state behind the reader's back.
func backed(t *testing.T, w *witness, cluster *natstest.Cluster, later func(s *system)) *system {
	t.Helper()
	s := newSystem(t, cluster.Connect(t, 0), 1)
	w.system = s
	makeProjects(t, s)
	publish(t, s, "projects.a.1", 3)
	cluster.Stop(0)
	copied := t.TempDir()
	require.NoError(t, os.CopyFS(copied, os.DirFS(cluster.StoreDir(0))))
	cluster.Restart(t, 0)
	require.True(t, settles(s.nc.IsConnected))
	publish(t, s, "projects.a.1", 2)
	stop := w.read()
	w.sees(span(1, 5)...)
	if w.away {
		stop()
	}
	cluster.Stop(0)
	require.NoError(t, os.RemoveAll(cluster.StoreDir(0)))
	require.NoError(t, os.CopyFS(cluster.StoreDir(0), os.DirFS(copied)))
	cluster.Restart(t, 0)
	require.True(t, settles(s.nc.IsConnected))
	later(s)
	if w.away {
		w.read()
	}
	return s
}

func TestARestoredStreamIsReadAgain(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"it is shorter": 0, "it has grown since": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWitness(t, nil)
			s := backed(t, w, natstest.Run(t, 1), func(s *system) { publish(t, s, "projects.a.2", n) })
			w.sees(append(span(1, 5), span(1, 3+n)...)...)
			publish(t, s, "projects.a.2", 1)
			w.sees(append(span(1, 5), span(1, 4+n)...)...)
			require.Equal(t, 1, w.rewinds)
			require.Equal(t, "projects.a.2", w.messages[len(w.messages)-1].Subject)
		})
	}
}

// A run that is not recorded is read again, and nothing behind it is handed out before.
func TestARejectedRunIsReadAgain(t *testing.T) {
	t.Parallel()
	s := withProjects(t)
	publish(t, s, "projects.a.1", 5)
	w := watched(t, s, func(w *witness) { w.reject = 3 })
	publish(t, s, "projects.a.1", 5)
	w.sees(span(1, 10)...)
	require.Zero(t, w.reject)
}

// A stream in memory ends with its server.
func TestASourceInMemoryIsReadAgainAfterARestart(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	s := newSystem(t, cluster.Connect(t, 0), 1)
	inMemory := func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }
	makeProjects(t, s, inMemory)
	w := watched(t, s)
	publish(t, s, "projects.a.1", 3)
	w.sees(span(1, 3)...)
	cluster.Stop(0)
	cluster.Restart(t, 0)
	require.True(t, settles(s.nc.IsConnected))
	require.True(t, settles(func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.missing) == 2 }))
	makeProjects(t, s, inMemory)
	publish(t, s, "projects.a.2", 5)
	w.sees(append(span(1, 3), span(1, 5)...)...)
}

func TestReadingOutlivesItsConsumer(t *testing.T) {
	t.Parallel()
	s := withProjects(t)
	w := watched(t, s)
	for round := range 3 {
		last := publish(t, s, "projects.a.1", 10)
		w.sees(span(1, int(last))...)
		for name := range projects(t, s).ConsumerNames(deadline(t)).Name() {
			require.NoError(t, projects(t, s).DeleteConsumer(deadline(t), name))
		}
		require.Equal(t, uint64(10*(round+1)), last)
	}
	publish(t, s, "projects.a.1", 10)
	w.sees(span(1, 40)...)
}

func TestReadingOutlivesARestartOfTheServer(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	s := newSystem(t, cluster.Connect(t, 0), 1)
	makeProjects(t, s)
	w := watched(t, s)
	publish(t, s, "projects.a.1", 10)
	w.sees(span(1, 10)...)
	cluster.Stop(0)
	cluster.Restart(t, 0)
	require.True(t, settles(s.nc.IsConnected))
	publish(t, s, "projects.a.1", 10)
	w.sees(span(1, 20)...)
	require.Zero(t, w.rewinds)
	require.Empty(t, w.expirations())
}

// No consumer may be had, for instance because an operator has bounded their number.
func TestASourceIsReadWithoutAConsumer(t *testing.T) {
	t.Parallel()
	s := withProjects(t, func(c *jetstream.StreamConfig) { c.MaxConsumers = 1 })
	_, err := s.js.CreateConsumer(deadline(t), upstream.Projects.Name, jetstream.ConsumerConfig{Durable: "theirs"})
	require.NoError(t, err)
	w := watched(t, s)
	publish(t, s, "projects.a.1", 150)
	w.sees(span(1, 150)...)
}

// Another reader may begin another generation of the record under one that has nothing to do.
func TestARecordOfAnotherGenerationIsReadUpTo(t *testing.T) {
	t.Parallel()
	s := withProjects(t)
	publish(t, s, "projects.a.1", 3)
	state, err := s.State(deadline(t), upstream.Projects)
	require.NoError(t, err)
	third, err := s.Message(deadline(t), upstream.Projects, 3)
	require.NoError(t, err)
	w := watched(t, s, func(w *witness) {
		w.record[state.Created.UnixNano()] = upstream.Recorded{Sequence: 3, StoredAt: third.StoredAt}
	})
	publish(t, s, "projects.a.1", 1)
	w.sees("4")
	w.mu.Lock()
	w.record[state.Created.UnixNano()] = upstream.Recorded{Sequence: 1, Generation: 1}
	w.mu.Unlock()
	w.sees("4", "2", "3", "4")
}

// Whichever server of three is gone, the one that leads the stream or the one with the consumer, reading goes on.
func TestReadingOutlivesAServerOfThree(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 3)
	var stores []*system
	for i := range 3 {
		stores = append(stores, newSystem(t, cluster.Connect(t, i), 3))
	}
	makeProjects(t, stores[0])
	w := watched(t, stores[0])
	last := publish(t, stores[1], "projects.a.1", 20)
	w.sees(span(1, int(last))...)
	for what, host := range map[string]func() string{
		"the stream's leader": func() string { return projects(t, stores[1]).CachedInfo().Cluster.Leader },
		"the consumer's server": func() (name string) {
			for info := range projects(t, stores[1]).ListConsumers(deadline(t)).Info() {
				name = info.Cluster.Leader
			}
			return name
		},
	} {
		i := -1
		require.True(t, settles(func() bool { // there is no leader during an election
			name := host()
			i = slices.IndexFunc(cluster.Servers, func(s *server.Server) bool { return s.Name() == name })
			return i >= 0
		}), what)
		cluster.Stop(i)
		last = publish(t, stores[(i+1)%3], "projects.a.1", 1)
		elected := time.Now()
		require.True(t, settles(func() bool { return len(w.seen()) >= int(last) }), what)
		require.Less(t, time.Since(elected), 8*time.Second, what)
		cluster.Restart(t, i)
		require.True(t, settles(cluster.Servers[i].JetStreamIsCurrent))
	}
	last = publish(t, stores[1], "projects.a.1", 20)
	w.sees(span(1, int(last))...)
	require.Zero(t, w.rewinds)
	require.Empty(t, w.expirations())
}

// The number of consumers of a stream may be limited, and those of others need some.
func TestRunsThatAreRejectedLeaveNoConsumersBehind(t *testing.T) {
	t.Parallel()
	s := withProjects(t)
	publish(t, s, "projects.a.1", 2)
	w := watched(t, s, func(w *witness) { w.reject = 8 })
	w.sees("1", "2")
	info, err := projects(t, s).Info(deadline(t))
	require.NoError(t, err)
	require.LessOrEqual(t, info.State.Consumers, 2)
	publish(t, s, "projects.a.1", 1)
	w.sees("1", "2", "3")
}
