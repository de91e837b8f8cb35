package e2e_test

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The fault tests run three NATS servers and three replicas of the service, with a network in between that can be cut, and
// keep callers busy meanwhile. -faults=10m makes a long run of them.

// siteFault is a fault that lasts for a while.
type siteFault struct {
	name  string
	lasts time.Duration
	begin func(*site) (end func())
}

// siteFaults are the faults of which one at a time happens. The short version has time for the first of them.
func siteFaults() []siteFault {
	return []siteFault{
		{"the stream's leader is killed", 2 * time.Second, func(s *site) func() {
			i := s.leader()
			s.killServer(i)
			return func() { s.restartServer(i) }
		}},
		{"a replica is killed", time.Second, func(s *site) func() {
			i := rand.N(places)
			s.replicas[i].running.Load().kill()
			return func() { s.restartReplica(i) }
		}},
		{"the stream's leader is cut from the other servers", 7 * time.Second, func(s *site) func() {
			i := s.leader()
			s.network.Part(serverName(i), serverName((i+1)%places))
			s.network.Part(serverName(i), serverName((i+2)%places))
			return s.network.Heal
		}},
		{"a replica is held", 2 * time.Second, func(s *site) func() {
			s.network.Hold(s.replicas[rand.N(places)].name)
			return s.network.Heal
		}},
		{"the stream's leader is held", 7 * time.Second, func(s *site) func() { // its clients with it
			s.network.Hold(serverName(s.leader()))
			return s.network.Heal
		}},
		{"a server that does not lead the stream is held", 7 * time.Second, func(s *site) func() { // it may lead others
			s.network.Hold(serverName((s.leader() + 1 + rand.N(2)) % places))
			return s.network.Heal
		}},
		{"a replica starts while the stream's leader is away", 2 * time.Second, func(s *site) func() {
			i, r := s.leader(), rand.N(places)
			require.Zero(s.t, s.replicas[r].running.Load().stop(s.t))
			s.killServer(i)
			s.restartReplica(r)
			return func() { s.restartServer(i) }
		}},
		{"a server stops", time.Second, func(s *site) func() {
			i := rand.N(places)
			s.servers.Stop(i)
			return func() { s.restartServer(i) }
		}},
		{"a replica stops", time.Second, func(s *site) func() {
			i := rand.N(places)
			require.Zero(s.t, s.replicas[i].running.Load().stop(s.t))
			return func() { s.restartReplica(i) }
		}},
		{"a replica is stopped by SIGSTOP", time.Second, func(s *site) func() {
			r := s.replicas[rand.N(places)].running.Load()
			r.signal(s.t, syscall.SIGSTOP)
			return func() { r.signal(s.t, syscall.SIGCONT) }
		}},
		{"the stream's leader is cut from one other server", 10 * time.Second, func(s *site) func() { // which may elect itself
			i := s.leader()
			s.network.Part(serverName(i), serverName((i+1+rand.N(2))%places))
			return s.network.Heal
		}},
		{"the routes of a server end", 3 * time.Second, func(s *site) func() {
			i := rand.N(places)
			s.network.End(serverName(i), serverName((i+1)%places))
			s.network.End(serverName(i), serverName((i+2)%places))
			return s.network.Heal
		}},
	}
}

const (
	shortFaults = 4
	// healsWithin is how soon after a fault everything works again: the servers have to reconnect to one that was cut off,
	// and a cluster may take 9 s to elect a leader. The rest is for a busy machine.
	healsWithin = 30 * time.Second
)

// During every fault, each client's operations are linearizable, and every acknowledged write is stored once.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	all, rounds := siteFaults(), shortFaults
	if *faultsFor > 0 {
		rounds = 1 << 20
	}
	for begun, i := time.Now(), 0; i < rounds && (*faultsFor == 0 || time.Since(begun) < *faultsFor); i++ {
		if i > 0 && i%len(all) == 0 {
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		}
		s.survives(all[i%len(all)])
	}
}

// A server that is stopped and continues when others have replaced it makes no read stale and no write lost.
func TestFaultsOfALeaderThatIsPaused(t *testing.T) {
	t.Parallel()
	servers := natstest.RunProcesses(t, places)
	s := newProcessSite(t, servers)
	paused := siteFault{"the stream's leader is held by SIGSTOP", 8 * time.Second, func(s *site) func() {
		leader := servers[s.leader()]
		require.NoError(t, leader.Pause())
		return func() { assert.NoError(t, leader.Resume()) }
	}}
	for begun, i := time.Now(), 0; i == 0 || time.Since(begun) < *faultsFor; i++ {
		s.survives(paused)
	}
}

// survives causes one fault under load.
func (s *site) survives(f siteFault) {
	s.t.Helper()
	l := s.startLoad()
	s.load = l
	pass(500 * time.Millisecond)
	l.Phase(f.name, false)
	end := f.begin(s)
	pass(f.lasts)
	end()
	healed := s.heals()
	l.Phase("healed", false)
	pass(200 * time.Millisecond)
	l.Stop()
	s.load = nil
	s.heals() // after which no event of unknown outcome is stored any more: it is in front of those that are acknowledged
	faults := l.Check(s.requireStoredOnce())
	var report strings.Builder
	l.Print(&report)
	s.t.Logf("%s for %s: healed in %s\n%s", f.name, f.lasts, healed, &report)
	require.Empty(s.t, faults, f.name)
	require.Less(s.t, healed, healsWithin, f.name)
}

// pass waits for the duration of a fault.
func pass(d time.Duration) { <-time.After(d) }
