package erasure_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/erasure"
	"clients/eventstore/natstest"
	"clients/eventstore/upstream"
	"clients/projections/ingest"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
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
	require.ErrorIs(t, f.eraser(erasure.Config{}).Skip(soon(t), 1, "x"), erasure.ErrInOrder)
}

// What the service does not take for the deletion of a client is none.
func TestErasureIsRefused(t *testing.T) {
	t.Parallel()
	f := single(t)
	living, _ := f.create(1, 0)
	f.createDeleted(2, 0)
	f.publish("clients.acme.9223372036854775807", nil, "hello")
	f.publish("clients.other.1", nil, "hello")
	refuse := func(account string, id int64, want string) {
		t.Helper()
		last := f.sequence()
		require.ErrorContains(t, f.eraser(erasure.Config{}).Erase(soon(t), nil, erasure.Client{Account: account, ID: id}), want)
		require.Equal(t, last, f.sequence())
	}
	refuse("acme", 1, "exists: delete it first")
	refuse("acme", 9, "never existed")
	refuse("acme", 1<<63-1, "never existed")
	refuse("other", 1, "belongs to account acme")
	f.appendTo("other", 1, 0, domain.ClientDeleted{ID: 2})
	refuse("other", 2, "belongs to account acme")

	tooHigh := f.append(7, living, domain.ClientDeleted{ID: 1})
	refuse("acme", 1, fmt.Sprintf("run clients skip %d --reason TEXT first", tooHigh))
	require.NoError(t, f.eraser(erasure.Config{}).Skip(soon(t), tooHigh, "x"))
	refuse("acme", 1, "exists: delete it first")
	elsewhere := f.appendTo("other", 2, f.last("clients.other.1").Sequence, domain.ClientDeleted{ID: 1})
	refuse("other", 1, fmt.Sprintf("run clients skip %d --reason TEXT first", elsewhere))
	unknown := f.unknown("clients.acme.2", "{}")
	refuse("acme", 2, fmt.Sprintf("run clients skip %d --reason TEXT first", unknown))

	nc := natstest.Run(t, 1).Connect(t, 0)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateStream(soon(t), jetstream.StreamConfig{Name: eventstore.Stream, Subjects: []string{"clients.>"}, DenyDelete: true})
	require.NoError(t, err)
	e := erasure.New(nc, erasure.Config{})
	require.ErrorIs(t, e.Erase(soon(t), nil, erasure.Client{Account: "acme", ID: 1}), erasure.ErrDenyDelete)
	require.ErrorIs(t, e.Skip(soon(t), 1, "x"), erasure.ErrDenyDelete)
}

// Messages that the service ignores do not prevent an erasure, and are erased as well.
func TestErasureOfForeignMessages(t *testing.T) {
	t.Parallel()
	f := single(t)
	last := f.createDeleted(1, 0)
	f.append(3, last, domain.ClientUpdated{ID: 1, Name: new(f.text(1))})
	f.publish("clients.acme.1", nil, f.text(1))
	require.NoError(t, f.erase(1))
	require.EqualValues(t, 3, f.last("clients.acme.1").Version, "behind the last one that counts")
	require.Eventually(t, func() bool { return f.clean(1, "") }, 10*time.Second, 10*time.Millisecond)
}

// A client is appended only to what is a list already.
func TestAListIsChecked(t *testing.T) {
	t.Parallel()
	const line = `{"account":"acme","id":1,"created_at":"2026-01-01T00:00:00Z","erased_at":"2026-01-02T00:00:00Z"}`
	for content, want := range map[string]string{
		"":                            "",
		line + "\n":                   "",
		line + line:                   "", // the end of the first line was lost
		line + "\n" + `{"account":"a`: "line 2: unexpected EOF",
		"a text\n":                    "line 1: invalid character",
		"{}\n":                        "line 1: no client",
	} {
		path := filepath.Join(t.TempDir(), "list")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		list, err := erasure.OpenList(path)
		requireFault(t, want, err)
		if err == nil {
			require.NoError(t, list.Close())
		}
		_, err = erasure.ReadList(path)
		requireFault(t, want, err)
	}
}

func requireFault(t *testing.T, want string, err error) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, want)
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
	foreign := f.publish("clients.acme.9", nil, "foreign")
	require.ErrorContains(t, f.eraser(erasure.Config{}).EraseAnyway(soon(t), of(1, first.Add(-1))), "the list belongs to another store, or the id was used again")
	require.NoError(t, f.eraser(erasure.Config{}).EraseAnyway(soon(t), of(1, first), of(2, storedAt(3)), of(8, first), of(9, first), of(1, first), of(8, first)))
	for id, want := range map[string]domain.ClientErased{
		"1": {ID: 1, Erased: []uint64{1, 2}}, "2": {ID: 2, Erased: []uint64{3, 4}}, "8": {ID: 8, Erased: []uint64{}}, "9": {ID: 9, Erased: []uint64{foreign}},
	} {
		require.Equal(t, want, f.last("clients.acme."+id).Event)
	}
	require.EqualValues(t, 3, f.last("clients.acme.1").Version, "once")
	again := []uint64{f.publish("clients.acme.1", nil, "foreign"), f.publish("clients.acme.8", nil, "foreign")}
	require.NoError(t, f.eraser(erasure.Config{}).EraseAnyway(soon(t), of(1, first), of(8, first)), "the list once more")
	require.Equal(t, domain.ClientErased{ID: 1, Erased: again[:1]}, f.last("clients.acme.1").Event)
	require.Equal(t, domain.ClientErased{ID: 8, Erased: again[1:]}, f.last("clients.acme.8").Event)
	require.EqualValues(t, 2, f.last("clients.acme.8").Version)
	require.Eventually(t, func() bool { return f.clean(1, "") && f.clean(2, "") }, 10*time.Second, 10*time.Millisecond)
	require.ErrorContains(t, f.eraser(erasure.Config{}).EraseAnyway(soon(t), erasure.Erased{Client: erasure.Client{Account: "other", ID: 1}}), "belongs to account acme")
}

// Dead letters about the client are found in each form that the service reads, and no others.
func TestErasureFindsEveryFormOfADeadLetter(t *testing.T) {
	t.Parallel()
	f := single(t)
	const large = 1 << 53 // from here on a floating-point number stands for several ids
	f.createDeleted(1, 0)
	f.createDeleted(large, 0)
	binary := nats.Header{"Ce-Type": {"projects.v1.ProjectCreated"}}
	sequence := uint64(100)
	putFor := func(reason ingest.Reason, detail, subject string, header nats.Header, data string) {
		sequence++
		_, err := f.letters.Put(soon(t), upstream.Message{Stream: "PROJECTS", Sequence: sequence, Subject: subject, Header: header, Data: []byte(data)}, string(reason), detail)
		require.NoError(t, err)
	}
	put := func(subject string, header nats.Header, data string) { putFor("x", "client 1", subject, header, data) }
	for _, data := range []string{
		`{"id":8,"client_id":1}`, `{"id":8,"client_id":"1"}`, `{"id":8,"client_id":1.0}`, `{"id":8,"client_id":1,"data":"text"}`,
		`{"id":8,"Client_ID":1}`, `{"id":8,"client_id":" 1 "}`, `"{\"client_id\":1}"`, `{"client_id":9007199254740992}`,
	} {
		put("projects.acme.8", binary, data)
		put("projects.acme.8", nil, `{"specversion":"1.0","type":"x","data":`+data+`}`)
	}
	put("projects.acme.8", nil, `{"specversion":"1.0","type":"x","data_base64":"eyJpZCI6OCwiY2xpZW50X2lkIjoxfQ=="}`)
	put("projects.acme.8", nil, `{"id":8,"client_id":1}`)
	for _, data := range []string{`{"id":8,"client_id":2}`, `{"id":1}`, `{"client_id":1.5}`, `{"client_id":9007199254740993}`, `{"client_id":1`, `[{"client_id":1}]`} {
		put("projects.acme.7", binary, data)
	}
	put("projects.other.7", binary, `{"id":8,"client_id":1}`)
	putFor(ingest.DeletedClient, "client 1", "projects.acme.8", binary, `{"id":8}`)
	putFor(ingest.UnknownClient, "client 1 (too large to be kept: only where it was is)", "projects.acme.8", nil, "") // of an earlier release
	putFor(ingest.UnknownClient, "client 1 (too large: kept without headers and data)", "projects.acme.8", nil, "")
	putFor(ingest.DeletedClient, "client 1", "projects.acme.8", binary, `{"id":8,"client_id":2}`)
	putFor(ingest.DeletedClient, "client 12", "projects.acme.7", binary, `{"id":8}`)
	putFor(ingest.DeletedClient, "client 1", "projects.other.7", binary, `{"id":8}`)
	require.NoError(t, f.erase(1))
	require.NoError(t, f.erase(large))
	kept := 0
	for letter, err := range f.letters.All(soon(t)) {
		require.NoError(t, err)
		require.Equal(t, "7", letter.Message.Subject[len(letter.Message.Subject)-1:], "%s", letter.Message.Data)
		kept++
	}
	require.Equal(t, 9, kept)
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

// A message is only skipped if the quarantine takes all of it.
func TestSkipNeedsRoomForTheMessage(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	f := newFixture(t, cluster.Connect(t, 0), cluster.StoreDir(0))
	limits := server.JetStreamAccountLimits{MaxMemory: -1, MaxStore: 100 << 10, MaxStreams: -1, MaxConsumers: -1}
	require.NoError(t, cluster.Servers[0].GlobalAccount().UpdateJetStreamLimits(map[string]server.JetStreamAccountLimits{"": limits}))
	large := strings.Repeat("x", 40<<10)
	f.publish("clients.acme.1", nil, large)
	unknown := f.unknown("clients.acme.2", `"`+large+`"`)
	last := f.sequence()
	skip := func() error { return f.eraser(erasure.Config{}).Skip(soon(t), unknown, "x") }
	require.ErrorContains(t, skip(), "exceeded")
	require.Equal(t, last, f.sequence())
	stream, err := f.js.Stream(soon(t), eventstore.Stream)
	require.NoError(t, err)
	require.NoError(t, stream.DeleteMsg(soon(t), 1))
	require.NoError(t, skip())
	letter, err := f.letters.Get(soon(t), 1)
	require.NoError(t, err)
	require.Len(t, letter.Message.Data, len(large)+2)
}
