package eventstore_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// Gaps at the first sequence, in the middle and right in front of the record that accounts for them are passed over, by a
// store that is open and by one that is opened later. So are messages that are still there, so that both read the same.
func TestExactlyWhatWasRemovedMayBeMissing(t *testing.T) {
	t.Parallel()
	for name, servers := range map[string]int{"one server": 1, "three servers": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc := natstest.Run(t, servers).Connect(t, 0)
			open := openStore(t, nc, servers)
			appendAll(t, open, created(7))                                                                                     // 1
			appendAll(t, open, created(8))                                                                                     // 2
			appendAll(t, open, created(9), happened(2, domain.ClientToggled{ID: 9}), happened(3, domain.ClientDeleted{ID: 9})) // 3 to 5
			tailed := make(chan uint64, 100)
			go open.Tail(t.Context(), 0, func(batch []eventstore.Record) error {
				for _, r := range batch {
					tailed <- r.Sequence
				}
				return nil
			})
			for sequence := range uint64(5) {
				require.Equal(t, sequence+1, <-tailed)
			}
			before := stored(t, open)
			gone := []eventstore.Record{before[0], before[2], before[3], before[4]}
			remove(t, nc, 9, before[2:]) // 6
			remove(t, nc, 0, before[:1]) // 7
			interrupted := stored(t, openStore(t, nc, servers))
			deleteMessages(t, open, 1, 3, 4, 5)
			appendAll(t, open, created(10)) // 8
			for sequence := range uint64(3) {
				require.Equal(t, sequence+6, <-tailed)
			}

			require.Len(t, open.Removals.Unfinished(), 1, "the erasure is not done")
			later := openStore(t, nc, servers)
			read := stored(t, later)
			require.Equal(t, interrupted, read[:7])
			for i, r := range read {
				require.Equal(t, uint64(i+1), r.Sequence)
			}
			for _, r := range gone {
				now := read[r.Sequence-1]
				require.True(t, now.Removed && now.Event == nil && now.StoredAt.Equal(r.StoredAt))
				require.NoError(t, later.Check(deadline(t), eventstore.Checkpoint{Sequence: r.Sequence, StoredAt: r.StoredAt}))
				require.ErrorIs(t, later.Check(deadline(t), eventstore.Checkpoint{Sequence: r.Sequence, StoredAt: r.StoredAt.Add(1)}), eventstore.ErrOtherStream)
				require.NoError(t, later.CheckMessage(deadline(t), eventstore.Checkpoint{Sequence: r.Sequence, StoredAt: r.StoredAt}))
			}
			require.Equal(t, "clients.v1.ClientDeleted", read[4].Type)
			require.Empty(t, read[0].Type, "it was skipped")

			deleteMessages(t, open, 2)
			require.True(t, settles(func() bool {
				_, err := open.LastSequence(deadline(t))
				return err != nil
			}))
			_, err := eventstore.Open(deadline(t), nc, eventstore.Config{Replicas: servers, Reached: 1, Log: slog.New(slog.DiscardHandler)})
			require.Error(t, err)
		})
	}
}

// remove stores a Removal of messages: for an erasure of a client, or with the id 0 for a skip.
func remove(t testing.TB, nc *nats.Conn, client int64, records []eventstore.Record) {
	t.Helper()
	removal := eventstore.Removal{Reason: "skipped", Messages: []eventstore.RemovedMessage{{Sequence: records[0].Sequence, StoredAt: records[0].StoredAt}}}
	if client != 0 {
		removal = eventstore.Removal{Reason: "erasure", Account: "test", ClientID: client, Messages: eventstore.RemovedMessages(records)}
	}
	require.NoError(t, eventstore.AppendRemoval(deadline(t), nc, removal))
}

func deleteMessages(t testing.TB, s *eventstore.Store, sequences ...uint64) {
	t.Helper()
	stream, err := s.JetStream().Stream(deadline(t), eventstore.Stream)
	require.NoError(t, err)
	for _, sequence := range sequences {
		require.NoError(t, stream.SecureDeleteMsg(deadline(t), sequence))
	}
}

// A store that has stopped at a message goes on when that is removed.
func TestAwaitRemoval(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	store := openStore(t, nc, 1)
	appendAll(t, store, created(7))
	corrupt, _, err := eventstore.Encode(created(8))
	require.NoError(t, err)
	corrupt.Data = append(corrupt.Data, ' ')
	_, err = store.JetStream().PublishMsg(deadline(t), corrupt)
	require.NoError(t, err)
	appendAll(t, store, created(9))
	var read []uint64
	apply := func(batch []eventstore.Record) error {
		for _, r := range batch {
			read = append(read, r.Sequence)
		}
		return nil
	}
	stopped := store.Tail(deadline(t), 0, apply)
	var fault *eventstore.CorruptError
	require.ErrorAs(t, stopped, &fault)
	require.Equal(t, []uint64{1}, read)

	ended, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.Equal(t, stopped, eventstore.AwaitRemoval(ended, store, stopped))
	require.ErrorIs(t, eventstore.AwaitRemoval(deadline(t), store, eventstore.ErrReplaced), eventstore.ErrReplaced)
	continued := make(chan error, 1)
	go func() { continued <- eventstore.AwaitRemoval(t.Context(), store, stopped) }()
	remove(t, nc, 0, []eventstore.Record{{Sequence: 2, StoredAt: time.Now()}})
	require.NoError(t, <-continued)
	ctx, cancel := context.WithCancel(deadline(t))
	require.ErrorIs(t, store.Tail(ctx, 1, func(batch []eventstore.Record) error {
		if err := apply(batch); len(read) == 4 {
			cancel()
			return err
		}
		return nil
	}), context.Canceled)
	require.Equal(t, []uint64{1, 2, 3, 4}, read)
}
