package erasure_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/erasure"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

var slow = flag.Bool("slow", false, "run the tests that wait until Raft logs are cut, which takes four minutes")

// processes is a fixture on three servers that can be killed.
func processes(t testing.TB) (*fixture, []*natstest.Process) {
	t.Helper()
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	servers := natstest.RunProcessesIn(t, dirs...)
	urls := []string{}
	for _, s := range servers {
		urls = append(urls, s.URL)
	}
	nc, err := nats.Connect(strings.Join(urls, ","), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return newFixture(t, nc, dirs...), servers
}

// load stores small messages until the function that it returns is called: so many that a Raft log is never empty for long, and
// too few to fill its file.
func (f *fixture) load() (stop func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				_, _ = f.js.Publish(ctx, fmt.Sprintf("client-references.x.%d", i), []byte("of another writer"))
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	return func() { cancel(); group.Wait() }
}

// interrupted begins to erase client 1, and stops in front of what is left to do of each kind.
func (f *fixture) interrupted(before string) {
	ctx, cancel := context.WithCancel(soon(f.t))
	defer cancel()
	e := f.eraser(erasure.Config{LogWait: time.Millisecond, Progress: func(what string) {
		if strings.HasPrefix(what, before) {
			cancel()
		}
	}})
	require.ErrorIs(f.t, e.Erase(ctx, nil, erasure.Client{Account: "acme", ID: 1}), context.Canceled)
}

func TestErasureOnThreeServers(t *testing.T) {
	t.Parallel()
	f, _ := processes(t)
	f.createDeleted(1, 3)
	f.create(2, 0)
	require.Len(t, f.found(1, "/CLIENTS/"), 3*6, "on each server")
	require.NotEmpty(t, f.found(1, "/_js_/"), "in Raft logs")
	defer f.load()()
	f.interrupted("filling")
	var steps []string
	e := f.eraser(erasure.Config{LogWait: time.Millisecond, Progress: func(what string) { steps = append(steps, what) }})
	require.NoError(t, e.Erase(t.Context(), nil, erasure.Client{Account: "acme", ID: 1})) // a busy machine fills logs for minutes
	for _, stream := range []string{"CLIENTS", "CLIENTS_QUARANTINE"} {
		require.Contains(t, steps, "filling the Raft logs of "+stream, "what it held was overwritten before")
	}
	for _, folder := range []string{"/CLIENTS/", "/CLIENTS_QUARANTINE/", "OBJ_"} {
		require.Eventually(t, func() bool { return f.clean(1, folder) }, 30*time.Second, 50*time.Millisecond, "%v", f.found(1, folder))
	}
	for _, found := range f.found(1, "/_js_/") { // the server cuts no file that it is still writing
		file, _, _ := strings.Cut(found, ":")
		files, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.blk"))
		require.NoError(t, err)
		require.NotEqual(t, slices.Max(files), file)
	}
	require.Len(t, f.found(2, "/CLIENTS/"), 3*3)
	require.Len(t, f.last("client-references.REMOVED").Removal.Servers, 3)
}

// A server that has a stream of another service alone is watched like the others.
func TestErasureWatchesServersOfOtherServices(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 4, func(o *server.Options) { o.Tags.Add(o.ServerName) })
	f := newFixture(t, cluster.Connect(t, 0), cluster.StoreDir(0))
	f.createDeleted(1, 0)
	unused := []string{"n1", "n2", "n3", "n4"}
	for _, name := range []string{"CLIENTS", "CLIENTS_QUARANTINE", "OBJ_CLIENTS_SNAPSHOTS"} {
		unused = slices.DeleteFunc(unused, func(server string) bool { return server == f.leader(name) })
	}
	natstest.CreateStream(t, f.js, jetstream.StreamConfig{
		Name: "PROJECTS", Subjects: []string{"projects.>"}, Placement: &jetstream.Placement{Tags: unused[:1]},
	})
	require.NoError(t, f.erase(1))
	require.Contains(t, f.last("client-references.REMOVED").Removal.Servers, unused[0])
}

// Raft logs hold the texts until they are cut, which the server does by itself.
func TestErasureWaitsForTheRaftLogs(t *testing.T) {
	if !*slow {
		t.Skip("takes four minutes: -slow")
	}
	t.Parallel()
	for name, prepare := range map[string]func(f *fixture){
		"idle":        func(*fixture) {},
		"loaded":      func(f *fixture) { f.t.Cleanup(f.load()) },
		"interrupted": func(f *fixture) { f.interrupted("filling") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _ := processes(t)
			f.createDeleted(1, 3)
			prepare(f)
			ctx, cancel := context.WithTimeout(t.Context(), 2*erasure.LogWait)
			defer cancel()
			e := f.eraser(erasure.Config{LogWait: erasure.LogWait, Progress: func(what string) { t.Log(what) }})
			require.NoError(t, e.Erase(ctx, nil, erasure.Client{Account: "acme", ID: 1}))
			require.Empty(t, f.found(1, ""), "the Raft log of CLIENTS is %s", f.cluster(eventstore.Stream).RaftGroup)
		})
	}
}

// A server that was killed, or did not respond, while messages were overwritten may have kept something, and reports that it is
// current: it is named until its store was made again, even if the command is killed as soon as it has noticed.
func TestErasureNamesAServerThatWasAway(t *testing.T) {
	t.Parallel()
	type change func(t *testing.T, p *natstest.Process)
	for name, away := range map[string]struct{ begin, end change }{
		"killed": {
			func(_ *testing.T, p *natstest.Process) { p.Kill() },
			func(t *testing.T, p *natstest.Process) { p.Restart(t) },
		},
		"paused": {
			func(t *testing.T, p *natstest.Process) { require.NoError(t, p.Pause()) },
			func(t *testing.T, p *natstest.Process) { require.NoError(t, p.Resume()) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, servers := processes(t)
			f.createDeleted(1, 20)
			server := servers[slices.IndexFunc(servers, func(p *natstest.Process) bool {
				return p.Name != f.leader("CLIENTS") && p.Name != f.nc.ConnectedServerName()
			})]
			overwritten, begun := 0, time.Time{}
			e := f.eraser(erasure.Config{Progress: func(what string) {
				if overwritten++; strings.HasPrefix(what, "overwriting") && overwritten == 10 {
					begun = time.Now()
					away.begin(t, server)
				}
			}})
			var named *erasure.AwayError
			require.ErrorAs(t, e.Erase(soon(t), nil, erasure.Client{Account: "acme", ID: 1}), &named)
			require.Equal(t, []string{server.Name}, named.Servers)
			require.Less(t, time.Since(begun), 25*time.Second, "at once, not after waiting for it")
			require.Equal(t, "away", f.last("client-references.REMOVED").Removal.Servers[server.Name])
			require.ErrorAs(t, f.erase(1), &named)
			unknown := f.unknown("clients.acme.2", "{}")
			skip := func() error { return f.eraser(erasure.Config{}).Skip(soon(t), unknown, "x") }
			require.ErrorIs(t, skip(), erasure.ErrKept)
			require.EqualValues(t, unknown, f.last("client-references.REMOVED").Removal.Messages[0].Sequence, "the service continues")
			number := uint64(0)
			for letter, err := range f.letters.All(soon(t)) {
				require.NoError(t, err)
				number = letter.Number
			}
			require.ErrorIs(t, f.letters.Drop(soon(t), number), deadletter.ErrAway)
			away.end(t, server)
			require.Eventually(t, func() bool { return f.current("CLIENTS") }, 3*time.Minute, 100*time.Millisecond)
			require.Eventually(t, func() bool { return skip() == nil }, time.Minute, 100*time.Millisecond)
			require.Eventually(t, func() bool { return f.letters.Drop(soon(t), number) == nil }, time.Minute, 100*time.Millisecond)
			require.ErrorAs(t, f.erase(1), &named)
			require.False(t, f.last("client-references.REMOVED").Removal.Done)

			server.Kill()
			require.NoError(t, os.RemoveAll(filepath.Join(server.StoreDir(), "jetstream")))
			server.Restart(t)
			require.ErrorAs(t, f.erase(1), &named)
			// It may be named again while the others have not noticed that it is back.
			require.Eventually(t, func() bool { return f.erase(1, server.Name) == nil }, 3*time.Minute, time.Second)
			require.Eventually(t, func() bool { return f.last("client-references.REMOVED").Removal.Done }, time.Minute, 50*time.Millisecond)
			for _, stream := range []string{"/CLIENTS/", "/CLIENTS_QUARANTINE/", "OBJ_"} { // a rebuilt server goes through the Raft log
				require.Eventually(t, func() bool { return len(f.found(1, stream)) == 0 }, 10*time.Second, 50*time.Millisecond, stream)
			}
		})
	}
}

func (f *fixture) cluster(stream string) (info *jetstream.ClusterInfo) {
	f.t.Helper()
	f.eventually(func(ctx context.Context) error {
		found, err := f.js.Stream(ctx, stream)
		if err == nil {
			info = found.CachedInfo().Cluster
		}
		return err
	})
	return info
}

// leader returns the name of the server that leads a stream.
func (f *fixture) leader(stream string) string { return f.cluster(stream).Leader }

// current reports whether all servers have all of a stream.
func (f *fixture) current(stream string) bool {
	return !slices.ContainsFunc(f.cluster(stream).Replicas, func(r *jetstream.PeerInfo) bool { return r.Offline || !r.Current })
}
