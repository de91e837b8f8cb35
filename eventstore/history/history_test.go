package history_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/history"
	"clients/eventstore/natstest"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// site is a store on one server or on three.
type site struct {
	*eventstore.Store
	t       *testing.T
	cluster *natstest.Cluster
	nc      *nats.Conn
	id      int64
}

func open(t *testing.T, servers int) *site {
	t.Helper()
	return openOn(t, natstest.Run(t, servers))
}

func openOn(t *testing.T, cluster *natstest.Cluster) *site {
	t.Helper()
	nc := cluster.Connect(t, 0)
	store, err := eventstore.Open(soon(t), nc, eventstore.Config{Replicas: len(cluster.Servers), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return &site{Store: store, t: t, cluster: cluster, nc: nc}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// create stores the creation of one client after the other, and returns the sequence of the last.
func (s *site) create(account string, n int) (last uint64) {
	s.t.Helper()
	for range n {
		s.id++
		result, err := s.Append(soon(s.t), domain.Envelope{
			EventID: uuid.NewString(), Account: account, Version: 1, Time: time.Now(),
			Event: domain.ClientCreated{ID: s.id, Name: "SuprCorp", Currency: "Euro - EUR"},
		}, 0)
		require.NoError(s.t, err)
		last = result.Sequence
	}
	return last
}

func (s *site) history() *history.History {
	s.t.Helper()
	h, err := history.Open(soon(s.t), s.nc)
	require.NoError(s.t, err)
	return h
}

// sequences reads a history to its end, or that of one account or client. Missing messages are negative.
func sequences(t *testing.T, h *history.History, account string, clientID int64) (all []int64) {
	t.Helper()
	read := h.RecordsOf(soon(t), account, clientID)
	if account == "" && clientID == 0 {
		read = h.Records(soon(t))
	}
	for record, err := range read {
		var missing *eventstore.MissingError
		if err != nil {
			require.ErrorAs(t, err, &missing)
			all = append(all, -int64(missing.First), -int64(missing.Last))
			continue
		}
		all = append(all, int64(record.Sequence))
	}
	return all
}

func TestRecordsOfAllOfAnAccountAndOfAClient(t *testing.T) {
	t.Parallel()
	for name, servers := range map[string]int{"one server": 1, "three servers": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, servers)
			for range 3 {
				s.create("test", 4)
				s.create("other", 1) // 5, 10 and 15
			}
			for _, c := range []struct {
				account     string
				client      int64
				first, last uint64 // of the range; 0 for all
				want        []int64
			}{
				{"", 0, 0, 0, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
				{"", 1, 0, 0, []int64{1}},
				{"test", 1, 0, 0, []int64{1}},
				{"other", 0, 0, 0, []int64{5, 10, 15}},
				{"other", 1, 0, 0, nil},
				{"other", 0, 6, 15, []int64{10, 15}},
				{"other", 0, 6, 9, nil},
				{"", 0, 14, 17, []int64{14, 15, -16, -17}},
			} {
				for _, burst := range []int{1, 2, 1000} {
					h := s.history()
					h.Burst = burst
					if c.first > 0 {
						h.First, h.Last = c.first, c.last
					}
					require.Equal(t, c.want, sequences(t, h, c.account, c.client), "%+v in bursts of %d", c, burst)
				}
			}
		})
	}
}

func TestRecordsReportsMissingMessages(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	s.create("test", 9)
	js, err := jetstream.New(s.nc)
	require.NoError(t, err)
	stream, err := js.Stream(soon(t), eventstore.Stream)
	require.NoError(t, err)
	for _, id := range []string{"2", "5", "6"} {
		require.NoError(t, stream.Purge(soon(t), jetstream.WithPurgeSubject("clients.test."+id)))
	}
	require.Equal(t, []int64{1, -2, -2, 3, 4, -5, -6, 7, 8, 9}, sequences(t, s.history(), "", 0))
}

// What was removed comes as such from the whole stream, and is left out of what a client or an account has. A history that was
// opened before looks for it when it finds a gap.
func TestRecordsOfRemovedMessages(t *testing.T) {
	t.Parallel()
	for name, servers := range map[string]int{"one server": 1, "three servers": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, servers)
			s.create("test", 9)
			before := s.history()
			for _, sequence := range []uint64{1, 5, 6} {
				require.NoError(t, eventstore.AppendRemoval(soon(t), s.nc, eventstore.Removal{
					Reason: "erasure", Account: "test", ClientID: int64(sequence),
					Messages: []eventstore.RemovedMessage{{Sequence: sequence, StoredAt: time.Now(), Type: "clients.v1.ClientCreated"}},
				}))
			}
			js, err := jetstream.New(s.nc)
			require.NoError(t, err)
			stream, err := js.Stream(soon(t), eventstore.Stream)
			require.NoError(t, err)
			for _, gone := range []uint64{1, 3, 5} { // 6 is still there
				require.NoError(t, stream.SecureDeleteMsg(soon(t), gone))
			}
			require.Equal(t, []int64{1, 2, -3, -3, 4, 5, 6, 7, 8, 9}, sequences(t, before, "", 0))
			after := s.history()
			require.Equal(t, uint64(1), after.First)
			require.Equal(t, []int64{1, 2, -3, -3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, sequences(t, after, "", 0))
			require.Equal(t, []int64{2, 4, 7, 8, 9}, sequences(t, after, "test", 0))
			require.Empty(t, sequences(t, after, "test", 6))
			reader := history.NewReader(s.nc, after.Removals)
			require.Empty(t, versions(t, reader, "test", 6, 12))
			var account []uint64
			for r, err := range reader.Messages(soon(t), "test", 0, 0, 9) {
				require.NoError(t, err)
				account = append(account, r.Sequence)
			}
			require.Equal(t, []uint64{2, 4, 7, 8, 9}, account)
			for r, err := range after.Records(soon(t)) {
				if r.Sequence == 6 {
					require.NoError(t, err)
					require.True(t, r.Removed && r.Event == nil)
				}
			}
		})
	}
}

func TestExtendMovesTheEnd(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	s.create("test", 1)
	h := s.history()
	require.NoError(t, h.Extend(soon(t)))
	require.Empty(t, sequences(t, h, "", 0))
	s.create("test", 3)
	require.NoError(t, h.Extend(soon(t)))
	require.Equal(t, []int64{2, 3, 4}, sequences(t, h, "", 0))
}

func TestHistoryWithoutAStreamIsAnError(t *testing.T) {
	t.Parallel()
	_, err := history.Open(soon(t), natstest.Run(t, 1).Connect(t, 0))
	require.ErrorIs(t, err, eventstore.ErrNoHistory)
}
