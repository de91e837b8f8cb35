package erasure_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/deadletter"
	"clients/eventstore/erasure"
	"clients/eventstore/natstest"
	"clients/eventstore/snapshotstore"
	"clients/eventstore/upstream"
	"clients/projections/ingest"
	"clients/projections/readmodel"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	natstest.Main()
	os.Exit(m.Run())
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// fixture is a NATS system with what the service stores.
type fixture struct {
	t         testing.TB
	nc        *nats.Conn
	js        jetstream.JetStream
	dirs      []string
	store     *eventstore.Store
	letters   *deadletter.Store
	snapshots *snapshotstore.Bucket
	texts     map[int64][]string // of each client
}

func newFixture(t testing.TB, nc *nats.Conn, dirs ...string) *fixture {
	t.Helper()
	f := &fixture{t: t, nc: nc, dirs: dirs, texts: make(map[int64][]string)}
	log := slog.New(slog.DiscardHandler)
	var err error
	f.js, err = jetstream.New(nc)
	require.NoError(t, err)
	f.store, err = eventstore.Open(soon(t), nc, eventstore.Config{Replicas: len(dirs), Log: log})
	require.NoError(t, err)
	t.Cleanup(f.store.Close)
	f.letters = deadletter.New(nc)
	require.NoError(t, f.letters.Ensure(soon(t), len(dirs), log))
	f.snapshots = snapshotstore.New(nc, snapshotstore.Config{Replicas: len(dirs), Log: log})
	return f
}

func single(t testing.TB) *fixture {
	cluster := natstest.Run(t, 1)
	return newFixture(t, cluster.Connect(t, 0), cluster.StoreDir(0))
}

// text returns a long random text of a client.
func (f *fixture) text(id int64) string {
	text := rand.Text() + rand.Text()
	f.texts[id] = append(f.texts[id], text)
	return text
}

// append stores an event of a client and returns its sequence.
func (f *fixture) append(version, after uint64, e domain.Event) uint64 {
	f.t.Helper()
	return f.appendTo("acme", version, after, e)
}

func (f *fixture) appendTo(account string, version, after uint64, e domain.Event) uint64 {
	f.t.Helper()
	envelope := domain.Envelope{EventID: uuid.NewString(), Account: account, Version: version, Time: time.Now(), Event: e}
	var result domain.AppendResult
	require.Eventually(f.t, func() (stored bool) { // the servers have just started, on a busy machine
		var err error
		result, err = f.store.Append(soon(f.t), envelope, after)
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	return result.Sequence
}

// create stores a client with a creation and some updates, a dead letter of each kind, and three snapshots, of which the first
// is removed. It returns the sequence and the version of the last event.
func (f *fixture) create(id int64, updates int) (last, version uint64) {
	f.t.Helper()
	last = f.append(1, 0, domain.ClientCreated{ID: id, Name: f.text(id), Currency: f.text(id), Details: f.text(id)})
	for version = 1; version <= uint64(updates); version++ {
		last = f.append(version+1, last, domain.ClientUpdated{ID: id, Details: new(f.text(id))})
	}
	for i, m := range []upstream.Message{
		{Stream: "CLIENTS", Subject: fmt.Sprintf("clients.acme.%d", id), Data: []byte(f.text(id))},
		{Stream: "PROJECTS", Subject: "projects.acme.1", Data: fmt.Appendf(nil, `{"client_id":"%d","text":%q}`, id, f.text(id))},
		{Stream: "INVOICES", Subject: "invoices.acme.1", Data: fmt.Appendf(nil, `{"specversion":"1.0","data":{"client_id":%d,"text":%q}}`, id, f.text(id))},
	} {
		m.Sequence = uint64(10*int(id) + i)
		f.eventually(func(ctx context.Context) error { // see append
			_, err := f.letters.Put(ctx, m, "reason", "")
			return err
		})
	}
	for range 3 {
		text := f.text(id)
		require.Eventually(f.t, func() bool { // see append
			_, err := f.snapshots.Save(soon(f.t), func(_ context.Context, w io.Writer) (eventstore.Checkpoint, error) {
				_, err := io.WriteString(w, text)
				return eventstore.Checkpoint{Sequence: last, StoredAt: time.Now()}, err
			})
			return err == nil
		}, time.Minute, 10*time.Millisecond)
	}
	return last, version
}

func (f *fixture) createDeleted(id int64, updates int) (last uint64) {
	f.t.Helper()
	last, version := f.create(id, updates)
	return f.append(version+1, last, domain.ClientDeleted{ID: id})
}

// publish stores a message and returns its sequence.
func (f *fixture) publish(subject string, header nats.Header, data string) uint64 {
	f.t.Helper()
	ack, err := f.js.PublishMsg(soon(f.t), &nats.Msg{Subject: subject, Header: header, Data: []byte(data)})
	require.NoError(f.t, err)
	return ack.Sequence
}

// unknown stores an event of a type that the service does not know.
func (f *fixture) unknown(subject, data string) uint64 {
	header := nats.Header{}
	for name, value := range map[string]string{
		"ce-specversion": "1.0", "ce-id": uuid.NewString(), "ce-type": "clients.v9.ClientPraised", "ce-source": "/clients",
		"ce-subject": subject[strings.LastIndex(subject, ".")+1:], "ce-time": "2026-11-23T09:00:00Z", "ce-clientversion": "9",
		"content-type": "application/json",
	} {
		header[name] = []string{value}
	}
	sum := eventstore.Checksum(subject, header.Get("ce-id"), header.Get("ce-type"), header.Get("ce-clientversion"), header.Get("ce-time"), []byte(data))
	header["ce-checksum"] = []string{fmt.Sprintf("%016x", sum)}
	return f.publish(subject, header, data)
}

// sequence returns the last sequence of the stream.
func (f *fixture) sequence() uint64 {
	f.t.Helper()
	stream, err := f.js.Stream(soon(f.t), eventstore.Stream)
	require.NoError(f.t, err)
	return stream.CachedInfo().State.LastSeq
}

// found returns the files with a text of a client, below the folders that match a pattern.
func (f *fixture) found(id int64, pattern string) (files []string) {
	f.t.Helper()
	for _, dir := range f.dirs {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if os.IsNotExist(err) || err == nil && (entry.IsDir() || !strings.Contains(path, pattern)) {
				return nil
			}
			content, err := os.ReadFile(path)
			if os.IsNotExist(err) {
				return nil
			}
			for i, text := range f.texts[id] {
				if bytes.Contains(content, []byte(text)) {
					files = append(files, fmt.Sprintf("%s: text %d", path, i))
				}
			}
			return err
		})
		require.NoError(f.t, err)
	}
	return files
}

// clean reports whether no file below the folders that match a pattern has a text of a client.
func (f *fixture) clean(id int64, pattern string) bool { return len(f.found(id, pattern)) == 0 }

func (f *fixture) eraser(config erasure.Config) *erasure.Eraser {
	f.t.Helper()
	config.NewFold, config.ClientOf = func() erasure.Fold { return readmodel.NewModel().Fold }, ingest.ClientOf
	if config.Progress == nil {
		config.Progress = func(string) {}
	}
	return erasure.New(f.nc, config)
}

func (f *fixture) erase(id int64, rebuilt ...string) error {
	f.t.Helper()
	return f.eraser(erasure.Config{}).Erase(soon(f.t), rebuilt, erasure.Client{Account: "acme", ID: id})
}

// eventually repeats a call until it succeeds: a leader that was just stopped does not respond.
func (f *fixture) eventually(call func(context.Context) error) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		ctx, cancel := context.WithTimeout(f.t.Context(), 2*time.Second)
		defer cancel()
		return call(ctx) == nil
	}, time.Minute, 50*time.Millisecond)
}

// last returns the last record of a subject.
func (f *fixture) last(subject string) eventstore.Record {
	f.t.Helper()
	var m *jetstream.RawStreamMsg
	f.eventually(func(ctx context.Context) error {
		stream, err := f.js.Stream(ctx, eventstore.Stream)
		if err == nil {
			m, err = stream.GetLastMsgForSubject(ctx, subject)
		}
		return err
	})
	record, err := eventstore.Decode(m.Sequence, m.Time, m.Subject, m.Header, m.Data)
	require.NoError(f.t, err)
	return record
}
