package erasure_test

import (
	"fmt"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/erasure"
	"clients/eventstore/natstest"
	"clients/eventstore/upstream"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestErasureLeavesNothingInTheFiles(t *testing.T) {
	t.Parallel()
	f := single(t)
	f.createDeleted(1, 3)
	f.create(2, 1)
	for _, folder := range []string{"/CLIENTS/", "/CLIENTS_QUARANTINE/", "/OBJ_CLIENTS_SNAPSHOTS/"} {
		require.NotEmpty(t, f.found(1, folder), "the search finds it in %s", folder)
	}
	require.Len(t, f.found(1, "/OBJ_CLIENTS_SNAPSHOTS/"), 3, "also in the snapshot that was removed")
	require.NoError(t, f.erase(1))

	require.Eventually(t, func() bool { return f.clean(1, "") }, 10*time.Second, 10*time.Millisecond, "%v", f.found(1, ""))
	require.Len(t, f.found(2, "/CLIENTS/"), 4, "of the other client")
	require.Len(t, f.found(2, "/CLIENTS_QUARANTINE/"), 3)
	erased := f.last("clients.acme.1")
	require.EqualValues(t, 6, erased.Version)
	require.Equal(t, domain.ClientErased{ID: 1, Erased: []uint64{1, 2, 3, 4, 5}}, erased.Event)
	require.True(t, f.last("client-references.REMOVED").Removal.Done)
	require.NoError(t, f.erase(1), "again")
	require.Equal(t, erased, f.last("clients.acme.1"))
	_, err := f.letters.Put(soon(t), upstream.Message{Stream: "PROJECTS", Sequence: 9, Subject: "projects.acme.1", Data: fmt.Appendf(nil, `{"client_id":1,"text":%q}`, f.text(1))}, "reason", "")
	require.NoError(t, err)
	require.NotEmpty(t, f.found(1, ""))
	require.NoError(t, f.erase(1), "a dead letter that came later")
	require.Empty(t, f.found(1, ""))
	require.Equal(t, erased, f.last("clients.acme.1"))
	require.Error(t, f.erase(1, "n9"), "of a server that is not there")
	require.ErrorIs(t, f.eraser(erasure.Config{}).Skip(soon(t), 1, "x", nil), erasure.ErrInOrder)
}

func TestErasureIsRefused(t *testing.T) {
	t.Parallel()
	f := single(t)
	last, _ := f.create(1, 0)
	require.ErrorIs(t, f.erase(1), erasure.ErrExists)
	require.ErrorIs(t, f.erase(2), erasure.ErrUnknown)
	stream, err := f.js.Stream(soon(t), eventstore.Stream)
	require.NoError(t, err)
	require.Equal(t, last, stream.CachedInfo().State.LastSeq)

	nc := natstest.Run(t, 1).Connect(t, 0)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateStream(soon(t), jetstream.StreamConfig{Name: eventstore.Stream, Subjects: []string{"clients.>"}, DenyDelete: true})
	require.NoError(t, err)
	e, err := erasure.New(nc, erasure.Config{})
	require.NoError(t, err)
	require.ErrorIs(t, e.Erase(soon(t), nil, erasure.Client{Account: "acme", ID: 1}), erasure.ErrDenyDelete)
	require.ErrorIs(t, e.Skip(soon(t), 1, "x", nil), erasure.ErrDenyDelete)
}

// A list of erasures is applied to a backup that is older than they are, or younger.
func TestErasureOfClientsThatExistOrAreUnknown(t *testing.T) {
	t.Parallel()
	f := single(t)
	f.create(1, 1)
	f.createDeleted(2, 0)
	of := func(id int64, created time.Time) erasure.Erased {
		return erasure.Erased{Client: erasure.Client{Account: "acme", ID: id}, CreatedAt: created}
	}
	storedAt := func(sequence uint64) time.Time {
		stream, err := f.js.Stream(soon(t), eventstore.Stream)
		require.NoError(t, err)
		m, err := stream.GetMsg(soon(t), sequence)
		require.NoError(t, err)
		return m.Time
	}
	first := storedAt(1)
	require.ErrorContains(t, f.eraser(erasure.Config{}).EraseAnyway(soon(t), nil, of(1, first.Add(-1))), "the list is of another store, or the id was given out again")
	require.NoError(t, f.eraser(erasure.Config{}).EraseAnyway(soon(t), nil, of(1, first), of(2, storedAt(3)), of(9, first)))
	for id, want := range map[string]domain.ClientErased{
		"1": {ID: 1, Erased: []uint64{1, 2}}, "2": {ID: 2, Erased: []uint64{3, 4}}, "9": {ID: 9, Erased: []uint64{}},
	} {
		require.Equal(t, want, f.last("clients.acme."+id).Event)
	}
	require.EqualValues(t, 1, f.last("clients.acme.9").Version)
	require.Eventually(t, func() bool { return f.clean(1, "") && f.clean(2, "") }, 10*time.Second, 10*time.Millisecond)
	require.ErrorContains(t, f.eraser(erasure.Config{}).EraseAnyway(soon(t), nil, erasure.Erased{Client: erasure.Client{Account: "other", ID: 1}}), "belongs to account acme")
}

// Dead letters that name the client are found in each form that an event may have.
func TestErasureFindsEveryFormOfADeadLetter(t *testing.T) {
	t.Parallel()
	f := single(t)
	f.createDeleted(1, 0)
	for i, event := range []string{
		`{"id":8,"client_id":1}`, `{"id":8,"client_id":"1"}`, `{"id":8,"client_id":1.0}`, `{"id":8,"client_id":1,"data":"text"}`,
		`{"specversion":"1.0","data":{"id":8,"client_id":1}}`,
		`{"specversion":"1.0","data_base64":"eyJpZCI6OCwiY2xpZW50X2lkIjoxfQ=="}`,
		`{"id":8,"client_id":2}`, `{"id":1}`,
	} {
		_, err := f.letters.Put(soon(t), upstream.Message{Stream: "PROJECTS", Sequence: uint64(100 + i), Subject: "projects.acme.8", Data: []byte(event)}, "x", "x")
		require.NoError(t, err)
	}
	require.NoError(t, f.erase(1))
	left, err := f.letters.Len(soon(t))
	require.NoError(t, err)
	require.EqualValues(t, 2, left)
}

// A foreign message on the subject of another account does not make the client of that id erased.
func TestErasureOfTheWrongAccountIsRefused(t *testing.T) {
	t.Parallel()
	f := single(t)
	f.create(1, 1)
	_, err := f.js.Publish(soon(t), "clients.other.1", []byte("foreign"))
	require.NoError(t, err)
	require.ErrorContains(t, f.eraser(erasure.Config{}).Erase(soon(t), nil, erasure.Client{Account: "other", ID: 1}), "belongs to account acme")
}

// Servers are noted with the epoch of the stream: in a copy that was restored elsewhere they are not there, and were not away. An
// embedded server repairs its files when it is started.
func TestErasureForgetsServersThatDoNotMatter(t *testing.T) {
	t.Parallel()
	f := single(t)
	epoch := f.store.Epoch()
	for id, noted := range map[int64]struct {
		epoch    string
		embedded bool
		named    []string
	}{
		1: {epoch: "another"},
		2: {epoch: epoch, named: []string{"n1", "n9"}},
		3: {epoch: epoch, embedded: true},
	} {
		f.createDeleted(id, 0)
		e := f.last(fmt.Sprintf("clients.acme.%d", id))
		require.NoError(t, eventstore.AppendErasure(soon(t), f.nc, domain.Envelope{EventID: uuid.NewString(), Version: 3, Time: time.Now()}, e.Sequence, eventstore.Removal{
			Reason: eventstore.ReasonErasure, Account: "acme", ClientID: id, Epoch: noted.epoch, Servers: map[string]string{"n1": "id", "n9": "away"},
			Messages: []eventstore.RemovedMessage{{Sequence: e.Sequence - 1}, {Sequence: e.Sequence}},
		}))
		err := f.eraser(erasure.Config{Embedded: noted.embedded}).Erase(soon(t), nil, erasure.Client{Account: "acme", ID: id})
		if noted.named != nil {
			var away *erasure.AwayError
			require.ErrorAs(t, err, &away)
			require.Equal(t, noted.named, away.Servers)
			require.False(t, f.clean(id, ""))
			err = f.erase(id, noted.named...) // n9 is not there any more
		}
		require.NoError(t, err)
		removal := f.last("client-references.REMOVED").Removal
		require.True(t, removal.Done)
		if !noted.embedded {
			require.Equal(t, map[string]string{"n1": f.nc.ConnectedServerId()}, removal.Servers)
		}
		require.Equal(t, epoch, removal.Epoch)
		require.Eventually(t, func() bool { return f.clean(id, "") }, 10*time.Second, 10*time.Millisecond)
	}
}
