package e2e_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

var wholeErasures = flag.Bool("erasures", false, "wait in tests of erasures on three servers until they are complete, which takes four minutes")

// Replicas continue during an erasure, with writers, and agree on what is left. They do so without a restart.
func TestReplicasContinueDuringAnErasure(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 3)
	replicas := startReplicas(t, 3, cluster.URL())
	var erased, kept texts
	id, other := replicas[0].createWith(&erased, 1), replicas[0].createOnce(kept.next())
	replicas[0].settle(http.StatusOK, http.MethodDelete, path(id), "", key)

	var stopped atomic.Bool
	var writers sync.WaitGroup
	for i, s := range replicas {
		writers.Go(func() {
			for n := 0; !stopped.Load(); n++ {
				_, _ = s.send(http.MethodPut, path(other), fmt.Sprintf(`{"client":{"details":"%d of %d"}}`, n, i), asJSON)
				_, _ = s.send(http.MethodPost, "/clients", `{"client":{"name":"New"}}`, asJSON)
				time.Sleep(100 * time.Millisecond) // so that the servers are not busy with this alone
			}
		})
	}
	var progress output
	command := exec.Command(binary, "erase", strconv.FormatInt(id, 10), "--account", "default")
	command.Env, command.Stderr = environment(t.TempDir(), replicas[0].variables), &progress
	require.NoError(t, command.Start())
	eventuallyWithin(t, 2*timeout, func() bool { return progress.contains("filling the Raft logs") }, "the messages are overwritten")
	for _, s := range replicas {
		s.requireErased(id)
		require.True(t, s.ready())
	}
	if *wholeErasures {
		require.NoError(t, command.Wait(), &progress)
	} else {
		require.NoError(t, command.Process.Signal(os.Interrupt))
		require.Error(t, command.Wait())
		r := run(t, replicas[0].variables, "epoch", "--new") // it would forget which servers were away
		require.Equal(t, 1, r.code)
		require.Contains(t, r.stderr, fmt.Sprintf("the erasure of client %d of account default is not complete", id))
	}
	stopped.Store(true)
	writers.Wait()
	for i := range 3 {
		for _, stream := range []string{"CLIENTS", "CLIENTS_QUARANTINE", "PROJECTS", "OBJ_CLIENTS_SNAPSHOTS"} {
			eventually(t, func() bool { return len(in(stream, erased.find(t, cluster.StoreDir(i)))) == 0 }, "%s of server %d", stream, i)
		}
		require.NotEmpty(t, kept.find(t, cluster.StoreDir(i)))
		if *wholeErasures {
			require.Empty(t, erased.find(t, cluster.StoreDir(i)))
		}
	}
	want := replicas[0].list("")
	require.Zero(t, replicas[1].stop(t))
	replicas[1] = replicas[1].again(t)
	for _, s := range replicas {
		require.Equal(t, want, s.list(""))
		s.requireErased(id)
	}
	verify(t, replicas[0].variables).requireFaults(t)
	if !*wholeErasures { // each command says so
		note := fmt.Sprintf("note: the erasure of client %d of account default is not complete", id)
		folder, dir := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "data")
		require.Contains(t, run(t, replicas[0].variables, "backup", folder).stdout, note)
		require.Contains(t, run(t, nil, "restore", folder, "--data-dir", dir).stdout, note)
		require.InDelta(t, 0, startIn(t, dir).metric("clients_erasures_unfinished"), 0)
	}
}
