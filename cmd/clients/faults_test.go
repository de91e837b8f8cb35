package main

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fault is something that goes wrong for a while.
type fault struct {
	name  string
	lasts time.Duration
	begin func(*site) (end func())
}

// deposes tells whether the stream's leader may go on as such while the others elect another one. Reads through it may
// then be old for a while; how old is measured.
func (f fault) deposes() bool {
	return strings.Contains(f.name, "cut") || strings.Contains(f.name, "held")
}

// faults are those of which one at any time happens.
func faults() []fault {
	return []fault{
		{"the stream's leader is killed", 2 * time.Second, func(s *site) func() {
			i := s.leader()
			s.killServer(i)
			return func() { s.restartServer(i) }
		}},
		{"a replica is killed", time.Second, func(s *site) func() {
			i := rand.N(places)
			s.killReplica(i)
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
			s.replicas[r].running.Load().quit()
			s.killServer(i)
			s.restartReplica(r)
			return func() { s.restartServer(i) }
		}},
		{"any server stops", time.Second, func(s *site) func() {
			i := rand.N(places)
			s.servers.Stop(i)
			return func() { s.restartServer(i) }
		}},
		{"a replica stops", time.Second, func(s *site) func() {
			i := rand.N(places)
			s.replicas[i].running.Load().quit()
			return func() { s.restartReplica(i) }
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

// shortFaults of them are what the short version has time for.
const shortFaults = 4

// healsWithin is how soon after a fault everything is as before: a server that is cut off has to be found again by the
// others, and a cluster may take 9 s to elect a leader.
const healsWithin = 15 * time.Second

// deposedWithin is how long a leader may go on answering that the others have replaced.
const deposedWithin = 10 * time.Second

// Whatever goes wrong, callers see each client change in one order, and what they were answered stays.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	all, rounds := faults(), shortFaults
	if faultsFor() > 0 {
		rounds = 1 << 20
	}
	for begun, i := time.Now(), 0; i < rounds && (faultsFor() == 0 || time.Since(begun) < faultsFor()); i++ {
		if i > 0 && i%len(all) == 0 {
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		}
		s.survives(all[i%len(all)])
	}
}

// survives lets one thing go wrong under load.
func (s *site) survives(f fault) {
	s.t.Helper()
	l := s.load()
	pass(500 * time.Millisecond)
	end := f.begin(s)
	began := time.Since(l.begun)
	pass(f.lasts)
	ended := time.Since(l.begun)
	end()
	healed := s.heals()
	l.end()
	require.Less(s.t, healed, healsWithin, f.name)
	stored := s.storedOnce()
	requireStored(s.t, l.history, stored)
	worst, count, others := staleness(l.history, began, ended+deposedWithin)
	s.t.Logf("%s for %s: healed in %s; %s; %d stale reads, at worst by %s", f.name, f.lasts, healed.Round(time.Millisecond),
		outcomes(l.history, began, ended), count, worst)
	if f.deposes() {
		require.Less(s.t, worst, deposedWithin)
		requireLinearizable(s.t, others, stored)
		return
	}
	requireLinearizable(s.t, l.history, stored)
}

// pass lets time pass, for which a fault is to last.
func pass(d time.Duration) { <-time.After(d) }
