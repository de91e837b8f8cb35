package main

import (
	"context"
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
)

// The fault tests run three NATS servers and three replicas of the service, with a network in between that can be cut,
// and keep callers busy meanwhile. A short version is part of the tests; -faults=10m makes a long one of it.

// faultsFor is how long the fault tests are to go on; 0 for the short version.
func faultsFor() time.Duration {
	return flag.Lookup("faults").Value.(flag.Getter).Get().(time.Duration)
}

// site is all of it.
type site struct {
	t        *testing.T
	network  *natstest.Network
	servers  *natstest.Cluster
	replicas []*replica
	named    atomic.Int64 // operations
	events   []message    // of the stream, as far as it was read
	read     uint64       // how far that is
	*tap                  // on all servers, past the network
}

// replica is one of the services: which one runs under that name changes when it is restarted.
type replica struct {
	name     string
	settings settings
	running  atomic.Pointer[app]
}

// caller of the replica as it runs now.
func (r *replica) caller() *caller { return r.running.Load().caller }

const places = 3 // of servers, and of replicas

// newSite starts the servers and one replica after the other.
func newSite(t *testing.T) *site {
	t.Helper()
	s := newServers(t)
	s.sourcesOf(places)
	for i := range s.replicas {
		s.restartReplica(i)
	}
	return s
}

// newServers starts the servers alone.
func newServers(t *testing.T) *site {
	t.Helper()
	network := natstest.NewNetwork(t)
	s := &site{t: t, network: network, servers: natstest.Run(t, places, network.Between)}
	s.tap = newTap(t, s.servers.URL())
	for i := range places {
		name := fmt.Sprintf("r%d", i+1)
		settings := externalSettings(t, places, natsSettings{url: network.URL(name, s.servers)})
		s.replicas = append(s.replicas, &replica{name: name, settings: settings})
	}
	return s
}

// sourcesOf creates the streams of the other services with so many replicas.
func (s *site) sourcesOf(replicas int) {
	s.t.Helper()
	for name, subject := range map[string]string{"PROJECTS": "projects.*.*", "INVOICES": "invoices.*.*"} {
		eventually(s.t, "there are servers for "+name, func() bool {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_, err := s.js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{subject}, Replicas: replicas})
			return err == nil
		})
	}
}

func serverName(i int) string { return fmt.Sprintf("n%d", i+1) }

// leader is the server that leads the stream.
func (s *site) leader() int {
	s.t.Helper()
	found := -1
	eventually(s.t, "the stream has a leader", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		stream, err := s.js.Stream(ctx, "CLIENTS")
		if err != nil || stream.CachedInfo().Cluster == nil {
			return false
		}
		for i := range places {
			if stream.CachedInfo().Cluster.Leader == serverName(i) {
				found = i
			}
		}
		return found >= 0
	})
	return found
}

// killServer ends a server without a word to the others.
func (s *site) killServer(i int) {
	s.network.Cut(serverName(i))
	s.servers.Stop(i)
}

func (s *site) restartServer(i int) {
	s.network.Heal()
	s.servers.Restart(s.t, i)
}

// killReplica ends a replica without a word to anybody.
func (s *site) killReplica(i int) {
	a := s.replicas[i].running.Load()
	dead := a.service
	a.service = nil
	dead.nc.Close()
	_ = dead.apiServer.Close()
	_ = dead.opsServer.Close()
	buried := make(chan struct{})
	go func() { defer close(buried); _ = dead.stop() }()
	s.t.Cleanup(func() { <-buried })
}

func (s *site) restartReplica(i int) {
	s.t.Helper()
	s.replicas[i].running.Store(launchWith(s.t, s.replicas[i].settings))
}

// heals waits until every replica is ready, reads for certain and writes, and answers how long that took.
func (s *site) heals() time.Duration {
	s.t.Helper()
	begun := time.Now()
	for _, r := range s.replicas {
		eventually(s.t, r.name+" heals", func() bool {
			a := r.running.Load()
			written, err := a.send("POST", "/clients", "<client><name>Healed</name></client>", asXML)
			if err != nil || written.status != 201 {
				return false
			}
			got, err := a.send("GET", written.header.Get("Location"), "")
			return err == nil && got.status == 200 && got.header.Get("Warning") == "" && a.ops("/readyz").status == 200
		})
	}
	return time.Since(begun)
}
