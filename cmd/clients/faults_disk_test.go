//go:build diskfaults

package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"clients/eventstore/natstest"
)

const diskSize = 1 << 30 // of each server, in memory

// Whatever the disks of the NATS servers do, callers see each client change in one order, and what they were answered
// stays.
func TestFaultsOfDisks(t *testing.T) {
	t.Parallel()
	var dirs []string
	for range places {
		dirs = append(dirs, natstest.NewDisk(t, diskSize))
	}
	servers := natstest.RunProcessesIn(t, dirs...)
	var urls []string
	for _, p := range servers {
		urls = append(urls, p.URL)
	}
	s := &site{t: t, tap: newTap(t, strings.Join(urls, ","))}
	s.sourcesOf(places)
	for i := range places {
		settings := externalSettings(t, places, natsSettings{url: strings.Join(urls, ",")})
		s.replicas = append(s.replicas, &replica{name: fmt.Sprintf("r%d", i+1), settings: settings})
		s.restartReplica(i)
	}
	all := diskFaults(t, servers, dirs)
	for begun, i := time.Now(), 0; i < len(all) || time.Since(begun) < faultsFor(); i++ {
		s.survives(all[i%len(all)])
	}
}

// diskFaults are those of which one at any time happens. A leader whose disk is held may be replaced without knowing.
func diskFaults(t *testing.T, servers []*natstest.Process, dirs []string) []fault {
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
			for n, i := range which { // a server refuses to store anything more, until it is started again
				frees[n]()
				servers[i].Kill()
				servers[i].Restart(t)
			}
		}
	}
	follower := func(s *site) int { return (s.leader() + 1 + rand.N(2)) % places }
	return []fault{
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
