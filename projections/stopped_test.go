package projections_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/natstest"
	"clients/projections/readmodel"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// A directory that has stopped at a message continues when the message is removed, whether it is still there or not. What it
// had folded in front of the message was passed on.
func TestADirectoryContinuesBehindASkippedMessage(t *testing.T) {
	t.Parallel()
	for name, servers := range map[string]int{"one server": 1, "three servers": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := slog.New(slog.DiscardHandler)
			nc := natstest.Run(t, servers).Connect(t, 0)
			store, err := eventstore.Open(natstest.Deadline(t), nc, eventstore.Config{Replicas: servers, Log: log})
			require.NoError(t, err)
			t.Cleanup(store.Close)
			happened := func(version, last uint64, e domain.Event) {
				t.Helper()
				_, err := store.Append(natstest.Deadline(t), domain.Envelope{
					EventID: uuid.NewString(), Account: "test", Version: version, Time: time.Now(), Event: e,
				}, last)
				require.NoError(t, err)
			}
			happened(1, 0, domain.ClientCreated{ID: 1, Name: "SuprCorp", Currency: "Euro - EUR"})
			happened(5, 1, domain.ClientToggled{ID: 1}) // a version that is too high
			happened(1, 0, domain.ClientCreated{ID: 2, Name: "Other", Currency: "Euro - EUR"})

			var mu sync.Mutex
			var passed []uint64
			d := readmodel.NewDirectory(store, log)
			d.OnFold(func(batch []eventstore.Record) {
				mu.Lock()
				defer mu.Unlock()
				for _, r := range batch {
					passed = append(passed, r.Sequence)
				}
			})
			stopped := d.Follow(natstest.Deadline(t))
			sequence, found := eventstore.StoppedAt(stopped)
			require.True(t, found, stopped)
			require.Equal(t, uint64(2), sequence)
			require.Equal(t, stopped, d.Await(natstest.Deadline(t), 3))
			require.Equal(t, []uint64{1}, passed)

			require.NoError(t, eventstore.AppendRemoval(natstest.Deadline(t), nc, eventstore.Removal{
				Reason: "a version that is too high", Messages: []eventstore.RemovedMessage{{Sequence: 2, StoredAt: time.Now()}},
			}))
			require.NoError(t, eventstore.AwaitRemoval(natstest.Deadline(t), store, stopped))
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); _ = d.Follow(ctx) }()
			require.Eventually(t, func() bool { return d.Sequence() == 4 }, time.Minute, time.Millisecond)
			require.NoError(t, d.Err())
			cancel()
			<-ended
			require.Equal(t, []uint64{1, 2, 3, 4}, passed)
			client, _, _ := d.Client("test", 1)
			require.Equal(t, uint64(1), client.Revision.Version)
		})
	}
}
