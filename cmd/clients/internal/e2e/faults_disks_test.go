//go:build diskfaults

package e2e_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"clients/eventstore/natstest"
)

const diskSize = 1 << 30 // of each server, in memory

// During faults of the NATS servers' disks, each client's operations are linearizable, and every acknowledged write is stored.
func TestFaultsOfDisks(t *testing.T) {
	t.Parallel()
	var dirs []string
	for range places {
		dirs = append(dirs, natstest.NewDisk(t, diskSize))
	}
	servers := natstest.RunProcessesIn(t, dirs...)
	s := newProcessSite(t, servers)
	all := diskFaults(t, servers, dirs)
	for begun, i := time.Now(), 0; i < len(all) || time.Since(begun) < *faultsFor; i++ {
		s.survives(all[i%len(all)])
	}
}

// diskFaults are the faults, which happen one at a time. A leader whose disk is held may be replaced without detecting it.
func diskFaults(t *testing.T, servers []*natstest.Process, dirs []string) []siteFault {
	slow := func(by time.Duration, which ...int) func() {
		var ends []func()
		for _, i := range which {
			ends = append(ends, servers[i].DelaySyncs(t, by))
		}
		return func() {
			for _, end := range ends {
				end()
			}
		}
	}
	full := func(which ...int) func() {
		var frees []func()
		for _, i := range which {
			frees = append(frees, natstest.Fill(t, dirs[i]))
		}
		return func() {
			for n, i := range which { // a server stores nothing more until it is started again
				frees[n]()
				servers[i].Kill()
				servers[i].Restart(t)
			}
		}
	}
	follower := func(s *site) int { return (s.leader() + 1 + rand.N(2)) % places }
	return []siteFault{
		{"the disk of the stream's leader is slow", 5 * time.Second, func(s *site) func() { return slow(100*time.Millisecond, s.leader()) }},
		{"the disk of the stream's leader is full", 5 * time.Second, func(s *site) func() { return full(s.leader()) }},
		{"the disk of the stream's leader is held for seconds", 8 * time.Second, func(s *site) func() { return slow(5*time.Second, s.leader()) }},
		{"all disks are slow", 8 * time.Second, func(s *site) func() { return slow(100*time.Millisecond, 0, 1, 2) }},
		{"the disk of another server is held for seconds", 8 * time.Second, func(s *site) func() { return slow(5*time.Second, follower(s)) }},
		{"the disk of another server is full", 5 * time.Second, func(s *site) func() { return full(follower(s)) }},
		{"two disks are full", 5 * time.Second, func(s *site) func() { i := s.leader(); return full(i, (i+1)%places) }},
		{"all disks are held for a moment", 6 * time.Second, func(s *site) func() { return slow(2*time.Second, 0, 1, 2) }},
	}
}
