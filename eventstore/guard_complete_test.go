package eventstore_test

import (
	"log/slog"
	"testing"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/internal/jsapi"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestMissingMessagesAreAFault(t *testing.T) {
	t.Parallel()
	store := singleNode(t) // its stream has no records of removals
	for name, c := range map[string]struct {
		messages, last uint64
		complete       bool
	}{
		"nothing stored yet": {0, 0, true},
		"all there":          {12, 12, true},
		"one missing":        {11, 12, false},
		"all missing":        {0, 12, false},
	} {
		g := store.NewGuard()
		var info jsapi.StreamInfo
		info.State.Messages, info.State.Last = c.messages, c.last
		if c.complete {
			require.NoError(t, g.CheckStream(deadline(t), info), name)
			continue
		}
		require.ErrorIs(t, g.CheckStream(deadline(t), info), eventstore.ErrIncomplete, name)
		require.ErrorIs(t, g.Fault(), eventstore.ErrIncomplete, name)
	}
}

// While messages of an erasure, or of a skip, are still there, as many others that are missing are noticed by a start, and when
// the removal is complete also at run time.
func TestAMissingMessageIsNoticedDuringARemoval(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		record  func(*nats.Conn, []eventstore.RemovedMessage) error
		deleted []uint64 // of those that are recorded
		left    []uint64
	}{
		"erasure": {func(nc *nats.Conn, messages []eventstore.RemovedMessage) error {
			removal := eventstore.Removal{Reason: eventstore.ReasonErasure, Account: "test", ClientID: 7, Messages: messages}
			return eventstore.AppendErasure(deadline(t), nc, happened(3, domain.ClientErased{}), 2, removal)
		}, []uint64{2}, []uint64{1}},
		"skip": {func(nc *nats.Conn, messages []eventstore.RemovedMessage) error {
			return eventstore.AppendRemoval(deadline(t), nc, eventstore.Removal{Reason: "by hand", Messages: messages[:1]})
		}, nil, []uint64{1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc := natstest.Run(t, 1).Connect(t, 0)
			store := openStore(t, nc, 1)
			appendAll(t, store, created(7), happened(2, domain.ClientDeleted{ID: 7}))
			living, err := store.Append(deadline(t), created(8), 0)
			require.NoError(t, err)
			require.NoError(t, c.record(nc, eventstore.RemovedMessages(stored(t, store)[:2])))
			stream, err := store.JetStream().Stream(deadline(t), eventstore.Stream)
			require.NoError(t, err)
			open := func() error {
				s, err := eventstore.Open(deadline(t), nc, eventstore.Config{Replicas: 1, Log: slog.New(slog.DiscardHandler)})
				if err == nil {
					defer s.Close()
					_, err = s.LastSequence(deadline(t))
				}
				return err
			}
			for _, sequence := range c.deleted {
				require.NoError(t, stream.SecureDeleteMsg(deadline(t), sequence))
			}
			_, err = store.LastSequence(deadline(t))
			require.NoError(t, err)
			require.NoError(t, open())
			require.NoError(t, stream.DeleteMsg(deadline(t), living.Sequence))
			require.ErrorIs(t, open(), eventstore.ErrIncomplete)
			for _, sequence := range c.left {
				require.NoError(t, stream.SecureDeleteMsg(deadline(t), sequence))
			}
			_, err = store.LastSequence(deadline(t))
			require.ErrorIs(t, err, eventstore.ErrIncomplete)
		})
	}
}
