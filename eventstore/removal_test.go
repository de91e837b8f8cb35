package eventstore_test

import (
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/internal/jsapi"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// goldenRemovals are removals as they are stored. Add entries, never edit one: these bytes are in existing streams.
var goldenRemovals = []struct {
	name    string
	removal eventstore.Removal
	data    string
	sum     string
}{
	{
		"of an erasure, on a cluster",
		eventstore.Removal{
			Reason: "erasure", Account: "acme", ClientID: 7, Messages: []eventstore.RemovedMessage{
				{Sequence: 3, StoredAt: goldenTime, Type: "clients.v1.ClientCreated"},
				{Sequence: 9, StoredAt: goldenTime.Add(time.Hour), Type: "clients.v1.ClientCreated", Foreign: true},
				{Sequence: 12, StoredAt: goldenTime.Add(2 * time.Hour)},
			},
			Servers: map[string]string{"n2": "NB", "n1": "NA"}, Done: true,
		},
		`{"reason":"erasure","account":"acme","client_id":7,"messages":[{"sequence":3,"stored_at":"2026-11-23T09:26:42.123456789Z","type":"clients.v1.ClientCreated"},` +
			`{"sequence":9,"stored_at":"2026-11-23T10:26:42.123456789Z","type":"clients.v1.ClientCreated","foreign":true},{"sequence":12,"stored_at":"2026-11-23T11:26:42.123456789Z"}],` +
			`"servers":{"n1":"NA","n2":"NB"},"done":true}`,
		"52858ccf57b6d87b",
	}, {
		"of a skipped message",
		eventstore.Removal{Reason: "a newer <release>", Messages: []eventstore.RemovedMessage{{Sequence: 3, StoredAt: goldenTime}}},
		`{"reason":"a newer <release>","messages":[{"sequence":3,"stored_at":"2026-11-23T09:26:42.123456789Z"}]}`,
		"fbd8a606d7fa925e",
	},
}

var goldenTime = time.Date(2026, 11, 23, 9, 26, 42, 123456789, time.UTC)

func TestRemovalsKeepTheirStoredBytes(t *testing.T) {
	for _, g := range goldenRemovals {
		msg, err := eventstore.EncodeRemoval(g.removal, "01939a6e-7b1c-7000-8000-000000000001", goldenTime)
		require.NoError(t, err)
		require.Equal(t, g.data, string(msg.Data), g.name)
		require.Equal(t, "client-references.REMOVED", msg.Subject)
		require.Equal(t, "client-references.v1.MessagesRemoved", msg.Header.Get("ce-type"))
		require.Equal(t, g.sum, msg.Header.Get("ce-checksum"), g.name)
		record, err := eventstore.Decode(17, goldenTime, msg.Subject, msg.Header, msg.Data)
		require.NoError(t, err)
		require.Equal(t, eventstore.Record{
			Sequence: 17, Subject: msg.Subject, StoredAt: goldenTime, Type: "client-references.v1.MessagesRemoved", Removal: &g.removal,
		}, record)
	}
}

// Only a Removal accounts for messages, and only for those in front of it.
func TestAnErasureAndItsRemovalAreStoredTogether(t *testing.T) {
	t.Parallel()
	for name, servers := range map[string]int{"one server": 1, "three servers": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc := natstest.Run(t, servers).Connect(t, 0)
			store := openStore(t, nc, servers)
			appendAll(t, store, created(7), happened(2, domain.ClientDeleted{ID: 7}))
			records := stored(t, store)
			messages := append(eventstore.RemovedMessages(records), eventstore.RemovedMessage{Sequence: 99, StoredAt: goldenTime})
			removal := eventstore.Removal{Reason: eventstore.ReasonErasure, Account: "test", ClientID: 7, Messages: messages}
			erased := happened(3, domain.ClientErased{ID: 7, Erased: []uint64{1, 2}})
			require.ErrorIs(t, eventstore.AppendErasure(deadline(t), nc, erased, 1, removal), domain.ErrConflict)
			removals, api := new(eventstore.Removals), jetStreamAPI(t, nc)
			require.NoError(t, removals.Read(deadline(t), api))
			require.Zero(t, removals.Len())

			require.NoError(t, eventstore.AppendErasure(deadline(t), nc, erased, 2, removal))
			require.NoError(t, removals.Read(deadline(t), api))
			require.Len(t, removals.Unfinished(), 1)
			require.Equal(t, removal, *removals.Unfinished()[0].Removal)
			require.Equal(t, uint64(4), removals.Erased())
			require.Equal(t, 2, removals.Len())
			for _, r := range records {
				got, found := removals.Record(r.Sequence)
				require.True(t, found)
				require.Equal(t, eventstore.Record{
					Sequence: r.Sequence, Subject: r.Subject, StoredAt: r.StoredAt.UTC(), ClientID: 7, Type: r.Type, Removed: true,
					Envelope: domain.Envelope{Account: "test"},
				}, got)
			}
			_, found := removals.Record(99)
			require.False(t, found)

			removal.Done = true
			require.NoError(t, eventstore.AppendRemoval(deadline(t), nc, removal))
			require.NoError(t, eventstore.AppendRemoval(deadline(t), nc, eventstore.Removal{Reason: "skipped", Messages: []eventstore.RemovedMessage{{Sequence: 3}}}))
			require.NoError(t, removals.Read(deadline(t), api))
			require.Empty(t, removals.Unfinished())
			require.Equal(t, 3, removals.Len())
			require.Equal(t, uint64(4), removals.Erased())
		})
	}
}

// A client with very many events takes several records and events, which are one erasure: one event would be too large for a server.
func TestALargeRemoval(t *testing.T) {
	t.Parallel()
	smallest := func(o *server.Options) { o.MaxPayload = eventstore.MaxEvent } // that the service accepts
	nc := natstest.Run(t, 1, smallest).Connect(t, 0)
	store := openStore(t, nc, 1)
	appendAll(t, store, created(7), happened(2, domain.ClientDeleted{ID: 7}))
	messages := make([]eventstore.RemovedMessage, 16_000)
	for i := range messages {
		messages[i] = eventstore.RemovedMessage{
			Sequence: uint64(100_000_000_000 + i), StoredAt: goldenTime, Type: "clients.v1.ClientInvoiceDefaultsChanged", Foreign: true,
		}
	}
	removal := eventstore.Removal{Reason: eventstore.ReasonErasure, Account: "test", ClientID: 7, Messages: messages}
	require.NoError(t, eventstore.AppendErasure(deadline(t), nc, happened(3, domain.ClientErased{}), 2, removal))
	var erased []uint64
	for i, record := range stored(t, store)[2:4] {
		require.EqualValues(t, 3+i, record.Version)
		erased = append(erased, record.Event.(domain.ClientErased).Erased...)
	}
	require.Len(t, erased, len(messages))
	require.EqualValues(t, messages[len(messages)-1].Sequence, erased[len(erased)-1])
	removals := new(eventstore.Removals)
	require.NoError(t, removals.Read(deadline(t), jetStreamAPI(t, nc)))
	require.Len(t, removals.Unfinished(), 1)
	require.Equal(t, removal, *removals.Unfinished()[0].Removal)
	removal.Done = true
	require.NoError(t, eventstore.AppendRemoval(deadline(t), nc, removal))
	require.NoError(t, removals.Read(deadline(t), jetStreamAPI(t, nc)))
	require.Empty(t, removals.Unfinished())
}

func TestRemovedMessagesOfAClient(t *testing.T) {
	t.Parallel()
	record := func(sequence uint64, event domain.Event, foreign string) eventstore.Record {
		r := eventstore.Record{Sequence: sequence, StoredAt: goldenTime, Foreign: foreign, Envelope: domain.Envelope{Event: event}}
		if event != nil {
			r.Type = "an event"
		}
		return r
	}
	toggled := domain.ClientToggled{ID: 7}
	require.Equal(t, []eventstore.RemovedMessage{
		{Sequence: 1, StoredAt: goldenTime, Type: "an event"},
		{Sequence: 2, StoredAt: goldenTime, Type: "an event", Foreign: true},
		{Sequence: 3, StoredAt: goldenTime}, // no event
		{Sequence: 4, StoredAt: goldenTime, Type: "an event", Foreign: true},
	}, eventstore.RemovedMessages([]eventstore.Record{
		record(1, toggled, ""), record(2, toggled, "repeated"), record(3, nil, "no event"), record(4, domain.ClientErased{ID: 7}, "repeated"),
		record(5, domain.ClientErased{ID: 7}, ""),
	}))
}

func appendAll(t testing.TB, s *eventstore.Store, events ...domain.Envelope) {
	t.Helper()
	last := uint64(0)
	for _, e := range events {
		result, err := s.Append(deadline(t), e, last)
		require.NoError(t, err)
		last = result.Sequence
	}
}

func jetStreamAPI(t testing.TB, nc *nats.Conn) *jsapi.Client {
	t.Helper()
	api := jsapi.New(nc)
	return api
}
