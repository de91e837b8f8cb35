package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"testing"

	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// The counter of ids is in each backup though ids are handed out all the time while they are made.
func TestABackupHasTheCounterThoughItGoesOn(t *testing.T) {
	t.Parallel()
	a := launch(t)
	a.named("First")
	p, to := a.tap(), newTap(t, natstest.Run(t, 1).URL())
	manager, err := newManager(p.nc)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var counting sync.WaitGroup
	defer counting.Wait()
	defer stop()
	for range 3 {
		counting.Go(func() {
			for ctx.Err() == nil {
				_, _ = p.js.PublishMsg(ctx, &nats.Msg{Subject: "client-ids", Header: nats.Header{"Nats-Incr": {"+100"}}})
			}
		})
	}
	folder := t.TempDir()
	for i := range 20 {
		r := &restoration{folder: filepath.Join(folder, fmt.Sprint(i)), replicas: 1, streams: streams{io.Discard, io.Discard}}
		require.NoError(t, r.use(to.nc))
		copied, err := backupStream(t.Context(), manager, eventstore.IDStream, filepath.Join(r.folder, eventstore.IDStream), io.Discard)
		require.NoError(t, err)
		meta, err := readStreamMeta(filepath.Join(r.folder, eventstore.IDStream))
		require.NoError(t, err)
		require.NoError(t, r.stream(t.Context(), copied, meta))
		require.NoError(t, r.undo())
	}
}
