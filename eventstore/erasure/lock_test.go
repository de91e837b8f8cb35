package erasure_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"clients/eventstore"
	"clients/eventstore/erasure"
	"clients/eventstore/natstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A call that was interrupted or killed holds up no other one: an embedded service completes its erasure when it starts.
func TestErasureIsNotHeldUpByOneThatWasInterrupted(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	f := newFixture(t, cluster.Connect(t, 0), cluster.StoreDir(0))
	progress := make(chan string, 1)
	e := f.eraser(erasure.Config{Progress: func(what string) { progress <- what }})
	for i := range 200 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*5*time.Microsecond)
		if unlock, err := e.LockSnapshots(ctx); err == nil {
			unlock()
		}
		cancel()
	}
	_, err := e.LockSnapshots(soon(t))
	require.NoError(t, err)
	require.Empty(t, progress, "nothing held it up")

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = e.LockSnapshots(ctx)
	require.Error(t, err, "the lock is that of a call that was killed")
	require.Len(t, progress, 1)
	require.Contains(t, <-progress, "waiting until another erasure ends")
	cluster.Stop(0)
	cluster.Restart(t, 0)
	f.eventually(func(ctx context.Context) error {
		_, err := f.js.Stream(ctx, eventstore.Stream)
		return err
	})
	_, err = e.LockSnapshots(soon(t))
	require.NoError(t, err)
	require.Empty(t, progress)
}

// Several calls on one client at once store one erasure.
func TestErasuresAtOnce(t *testing.T) {
	t.Parallel()
	f := single(t)
	for id := range int64(6) {
		f.createDeleted(id+1, 0)
		var calls sync.WaitGroup
		for range 6 {
			e := f.eraser(erasure.Config{})
			calls.Go(func() { assert.NoError(t, e.Erase(soon(t), nil, erasure.Client{Account: "acme", ID: id + 1})) })
		}
		calls.Wait()
		require.EqualValues(t, 3, f.last(fmt.Sprintf("clients.acme.%d", id+1)).Version, "and not 4")
	}
}
