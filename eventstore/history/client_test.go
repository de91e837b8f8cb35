package history_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/history"
	"clients/eventstore/natstest"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// toggle stores one event of a client behind a message, and returns its sequence.
func (s *site) toggle(account string, id int64, version, behind uint64) uint64 {
	s.t.Helper()
	result, err := s.Append(soon(s.t), domain.Envelope{
		EventID: uuid.NewString(), Account: account, Version: version, Time: time.Now(),
		Event: domain.ClientToggled{ID: id, Active: version%2 == 1},
	}, behind)
	require.NoError(s.t, err)
	return result.Sequence
}

func (s *site) reader() *history.Reader {
	s.t.Helper()
	r := history.NewReader(s.nc, s.Removals)
	return r
}

// versions reads a client's history up to a sequence.
func versions(t *testing.T, r *history.Reader, account string, id int64, upTo uint64) (all []uint64) {
	t.Helper()
	for record, err := range r.Messages(soon(t), account, id, 0, upTo) {
		require.NoError(t, err)
		all = append(all, record.Version)
	}
	return all
}

func TestClientReturnsALongHistoryInOrder(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	last := s.create("test", 1)
	s.create("other", 1) // 2
	const events = 1100  // more than two batches
	want := []uint64{1}
	for version := uint64(2); version <= events; version++ {
		last = s.toggle("test", 1, version, last)
		want = append(want, version)
	}
	r := s.reader()
	require.Equal(t, want, versions(t, r, "test", 1, last))
	require.Equal(t, want[:600], versions(t, r, "test", 1, 601))
	require.Equal(t, []uint64{1}, versions(t, r, "other", 2, last))
	require.Empty(t, versions(t, r, "other", 1, last), "the client of another account")
	require.Empty(t, versions(t, r, "test", 3, last))
	for after, first := range map[uint64]uint64{0: 1, 1: 2, 2: 2, last - 1: events} { // the other client's event is the second
		for record, err := range r.Messages(soon(t), "test", 1, after, last) { // it may end early
			require.NoError(t, err)
			require.Equal(t, first, record.Version, "after %d", after)
			break
		}
	}
}

// A deletion with a version that the client already has is foreign: it does not end the history. Nor does a message that was stored
// with a header of a server's response.
func TestClientReadsBehindForeignMessages(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	created := s.create("test", 1)
	toggled := s.toggle("test", 1, 2, created)
	foreign, err := s.Append(soon(t), domain.Envelope{
		EventID: uuid.NewString(), Account: "test", Version: 1, Time: time.Now(), Event: domain.ClientDeleted{ID: 1},
	}, toggled)
	require.NoError(t, err)
	last := s.toggle("test", 1, 3, foreign.Sequence)
	js, err := jetstream.New(s.nc)
	require.NoError(t, err)
	want := []uint64{1, 2, 1, 3}
	for name, value := range map[string]string{
		"Nats-Sequence": "999", "Nats-Time-Stamp": "2026-11-29T00:00:00Z", "Nats-Subject": "clients.test.2", "Nats-Num-Pending": "0",
	} {
		ack, err := js.PublishMsg(soon(t), &nats.Msg{Subject: "clients.test.1", Header: nats.Header{name: {value}}})
		require.NoError(t, err)
		last = s.toggle("test", 1, want[len(want)-1]+1, ack.Sequence)
		want = append(want, 0, want[len(want)-1]+1)
	}
	sequence := uint64(0)
	for record, err := range s.reader().Messages(soon(t), "test", 1, 0, last) {
		require.NoError(t, err)
		sequence++
		require.Equal(t, sequence, record.Sequence)
	}
	require.Equal(t, last, sequence)
	stream, err := js.Stream(soon(t), eventstore.Stream)
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	config.AllowDirect = false // so that the messages come one by one
	_, err = js.UpdateStream(soon(t), config)
	require.NoError(t, err)
	require.Equal(t, want, versions(t, s.reader(), "test", 1, last))
}

// A server that is cut off from the others has an incomplete history, which must not be returned.
func TestClientFailsOnAServerThatIsBehind(t *testing.T) {
	t.Parallel()
	network := natstest.NewNetwork(t)
	cluster := natstest.Run(t, 3, network.Between)
	s := openOn(t, cluster)
	js, err := jetstream.New(s.nc)
	require.NoError(t, err)
	stream, err := js.Stream(soon(t), eventstore.Stream)
	require.NoError(t, err)
	leader := slices.IndexFunc(cluster.Servers, func(s *server.Server) bool { return s.Name() == stream.CachedInfo().Cluster.Leader })
	behind := 1 // neither the leader nor server 0, through which events are stored
	if leader == 1 {
		behind = 2
	}
	r := history.NewReader(cluster.Connect(t, behind), new(eventstore.Removals))
	last := s.create("test", 1)
	require.Equal(t, []uint64{1}, versions(t, r, "test", 1, last))
	network.Hold(cluster.Servers[behind].Name())
	last = s.toggle("test", 1, 2, last)
	for _, err = range r.Messages(soon(t), "test", 1, 0, last) {
	}
	require.Equal(t, domain.Unavailable, domain.KindOf(err))
	network.Heal()
	require.Equal(t, []uint64{1, 2}, versions(t, r, "test", 1, last))
}

func TestClientFailsBehindTheEndOfTheStream(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	last := s.create("test", 1)
	for _, err := range s.reader().Messages(soon(t), "test", 1, 0, last+1) {
		if err != nil {
			require.Equal(t, domain.Unavailable, domain.KindOf(err))
			return
		}
	}
	require.Fail(t, "the stream lacks what was shown")
}

func TestClientReportsAnEventThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	s.create("test", 1)
	const id, kind, at = "01939a6e-7b1c-7000-8000-000000000001", "clients.v1.Unknown", "2026-11-29T00:00:00Z"
	sum := eventstore.Checksum("clients.test.1", id, kind, "2", at, []byte("{}"))
	require.NoError(t, s.nc.PublishMsg(&nats.Msg{Subject: "clients.test.1", Data: []byte("{}"), Header: nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {id}, "ce-type": {kind}, "ce-source": {"/clients"}, "ce-subject": {"1"},
		"ce-clientversion": {"2"}, "ce-time": {at}, "ce-checksum": {fmt.Sprintf("%016x", sum)}, "content-type": {"application/json"},
	}}))
	var last error
	for _, err := range s.reader().Messages(soon(t), "test", 1, 0, 2) {
		last = err
	}
	var unknown *eventstore.UnknownEventError
	require.ErrorAs(t, last, &unknown)
	require.EqualValues(t, 2, unknown.Sequence)
}

// Many histories that are read at once do not cost the connection: what the server sends for them stays below its limit.
func TestManyLongHistoriesAtOnce(t *testing.T) {
	t.Parallel()
	s := openOn(t, natstest.Run(t, 1, func(o *server.Options) { o.MaxPending = 11 << 20 }))
	last := s.create("test", 1)
	const events = 16 // a batch of 1 MiB
	details := strings.Repeat("x", domain.MaxDetails)
	for version := uint64(2); version <= events; version++ {
		result, err := s.Append(soon(t), domain.Envelope{
			EventID: uuid.NewString(), Account: "test", Version: version, Time: time.Now(), Event: domain.ClientUpdated{ID: 1, Details: &details},
		}, last)
		require.NoError(t, err)
		last = result.Sequence
	}
	r := s.reader()
	var reading sync.WaitGroup
	for range 18 {
		reading.Go(func() {
			read := 0
			for _, err := range r.Messages(soon(t), "test", 1, 0, last) {
				assert.NoError(t, err)
				read++
			}
			assert.Equal(t, events, read)
		})
	}
	reading.Wait()
	require.Zero(t, s.nc.Stats().Reconnects)
}
