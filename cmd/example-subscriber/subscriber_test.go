package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// world is a NATS server with the stream of the service, and a subscriber to it.
type world struct {
	t    *testing.T
	url  string
	js   jetstream.JetStream
	path string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	cluster := natstest.Run(t, 1)
	js, err := jetstream.New(cluster.Connect(t, 0))
	require.NoError(t, err)
	w := &world{t: t, url: cluster.URL(), js: js, path: filepath.Join(t.TempDir(), "copy.json")}
	w.createStream()
	return w
}

func (w *world) createStream() {
	w.t.Helper()
	_, err := w.js.CreateStream(w.t.Context(), jetstream.StreamConfig{Name: "CLIENTS", Subjects: []string{"clients.>", "client-references.>"}})
	require.NoError(w.t, err)
}

// happened stores an event as the service does.
func (w *world) happened(kind string, id int64, version int, data string) *nats.Msg {
	w.t.Helper()
	m := stored(fmt.Sprintf("clients.default.%d", id), "clients.v1."+kind, version, data)
	w.store(m)
	return m
}

func (w *world) store(m *nats.Msg) {
	w.t.Helper()
	_, err := w.js.PublishMsg(w.t.Context(), m)
	require.NoError(w.t, err)
}

func stored(subject, kind string, version int, data string) *nats.Msg {
	header := nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {uuid.NewString()}, "ce-type": {kind}, "ce-time": {time.Now().UTC().Format(time.RFC3339Nano)},
		"ce-clientversion": {fmt.Sprint(version)},
	}
	covered := strings.Join([]string{
		subject, header.Get("ce-id"), kind, header.Get("ce-clientversion"), header.Get("ce-time"), data, "",
	}, "\x00")
	header.Set("ce-checksum", fmt.Sprintf("%016x", crc64.Checksum([]byte(covered), crc64.MakeTable(crc64.ECMA))))
	return &nats.Msg{Subject: subject, Header: header, Data: []byte(data)}
}

func (w *world) created(id int64, name string) {
	w.happened("ClientCreated", id, 1, fmt.Sprintf(`{"id":%d,"name":%q,"highrise_id":7,"currency":"Euro - EUR","currency_symbol":"€","active":true,"details":""}`, id, name))
}

// once brings the copy up to date and returns the output.
func (w *world) once(args ...string) (string, error) {
	var out bytes.Buffer
	err := run(w.t.Context(), append([]string{"--nats-url", w.url, "--copy", w.path, "--once"}, args...), &out)
	return out.String(), err
}

func (w *world) upToDate() string {
	w.t.Helper()
	out, err := w.once()
	require.NoError(w.t, err)
	return out
}

// clients returns the clients of the copy, by id.
func (w *world) clients() map[int64]*client {
	w.t.Helper()
	own, err := loadCopy(w.path)
	require.NoError(w.t, err)
	return own.Accounts["default"]
}

func TestTheCopyBeginsWithTheFirstEvent(t *testing.T) {
	w := newWorld(t)
	require.Empty(t, w.upToDate())
	w.created(1, "SuprCorp")
	w.created(2, "Gone")
	w.happened("ClientUpdated", 1, 2, `{"id":1,"name":"Renamed","highrise_id":null}`)
	w.happened("ClientToggled", 1, 3, `{"id":1,"active":false}`)
	w.happened("ClientInvoiceDefaultsChanged", 1, 4, `{"id":1,"default_invoice_timeframe":null,"last_invoice_kind":"task"}`)
	w.happened("ClientDeleted", 2, 2, `{"id":2}`)
	w.store(&nats.Msg{Subject: "client-references.default.1", Data: []byte("internal")})
	require.Equal(t, 6, strings.Count(w.upToDate(), "\n"))

	all := w.clients()
	require.Len(t, all, 1)
	got := *all[1]
	require.False(t, got.UpdatedAt.Before(got.CreatedAt))
	got.CreatedAt, got.UpdatedAt = time.Time{}, time.Time{}
	kind := "task"
	require.Equal(t, client{ID: 1, Name: "Renamed", Currency: "Euro - EUR", CurrencySymbol: "€", LastInvoiceKind: &kind, CacheVersion: 3}, got)
	require.Empty(t, w.upToDate(), "there is nothing new")
}

func TestTheCopyContinuesAtItsPosition(t *testing.T) {
	w := newWorld(t)
	w.created(1, "SuprCorp")
	w.upToDate()
	older, err := os.ReadFile(w.path)
	require.NoError(t, err)
	w.happened("ClientUpdated", 1, 2, `{"id":1,"name":"Renamed"}`)
	require.Equal(t, "2 clients.v1.ClientUpdated default 1\n", w.upToDate(), "earlier events are not read again")
	newer := w.clients()

	require.NoError(t, os.WriteFile(w.path, older, 0o600)) // as a crash leaves it
	w.upToDate()
	require.Equal(t, newer, w.clients())
}

func TestDuplicatesAndForeignMessagesAreSkipped(t *testing.T) {
	w := newWorld(t)
	w.created(1, "SuprCorp")
	w.store(&nats.Msg{Subject: "clients.default.1", Data: []byte("foreign")})
	w.store(&nats.Msg{Subject: "clients.x", Data: []byte("foreign")})
	w.happened("ClientToggled", 1, 2, `{"id":1,"active":false}`)
	require.Contains(t, w.upToDate(), "2 passed over")
	require.False(t, w.clients()[1].Active)

	own, err := loadCopy(w.path)
	require.NoError(t, err)
	stream, err := w.js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	consumer, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	require.NoError(t, err)
	again, err := consumer.Next()
	require.NoError(t, err)
	at, err := again.Metadata()
	require.NoError(t, err)
	before, _ := json.Marshal(own)
	require.NoError(t, take(own, again, at, &bytes.Buffer{}))
	after, _ := json.Marshal(own)
	require.Equal(t, string(before), string(after))
}

// Of two events of a client with the same version the first counts, and no event follows a deletion.
func TestTheFirstEventOfAVersionCounts(t *testing.T) {
	w := newWorld(t)
	w.created(1, "SuprCorp")
	w.happened("ClientUpdated", 1, 2, `{"id":1,"name":"Renamed"}`)
	w.happened("ClientUpdated", 1, 2, `{"id":1,"name":"Repeated"}`)
	w.created(1, "Created again")
	w.created(2, "Gone")
	w.happened("ClientDeleted", 2, 2, `{"id":2}`)
	require.Equal(t, 2, strings.Count(w.upToDate(), "passed over: foreign message: version"))
	w.created(2, "Back again")
	w.happened("ClientToggled", 2, 3, `{"id":2,"active":false}`)
	w.happened("ClientToggled", 1, 3, `{"id":1,"active":false}`)
	require.Equal(t, 2, strings.Count(w.upToDate(), "passed over"))
	all := w.clients()
	require.Len(t, all, 1)
	require.Equal(t, "Renamed", all[1].Name)
	require.Equal(t, uint64(2), all[1].CacheVersion)
}

func TestFaultsStopTheCopy(t *testing.T) {
	for name, c := range map[string]struct {
		message func() *nats.Msg
		err     string
	}{
		"a gap":        {func() *nats.Msg { return stored("clients.default.1", "clients.v1.ClientToggled", 3, `{"id":1}`) }, "version 2 should follow"},
		"no creation":  {func() *nats.Msg { return stored("clients.default.9", "clients.v1.ClientToggled", 2, `{"id":9}`) }, "version 1 should follow"},
		"a newer type": {func() *nats.Msg { return stored("clients.default.1", "clients.v2.ClientMerged", 2, `{}`) }, "update this subscriber first"},
		"other data": {func() *nats.Msg {
			m := stored("clients.default.1", "clients.v1.ClientToggled", 2, `{"id":1,"active":false}`)
			m.Data[len(m.Data)-2] = 'E'
			return m
		}, "its checksum is"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.created(1, "SuprCorp")
			w.store(c.message())
			_, err := w.once()
			require.ErrorContains(t, err, c.err)
			require.Len(t, w.clients(), 1, "the valid events remain")
			_, err = w.once()
			require.ErrorContains(t, err, c.err, "a second run stops at the same event")
		})
	}
}

// A copy starts over when the stream was recreated or restored to an earlier state.
func TestACopyOfAnotherHistoryStartsOver(t *testing.T) {
	for name, change := range map[string]func(w *world, earlier *clientsCopy){
		"a new stream": func(w *world, _ *clientsCopy) {
			require.NoError(w.t, w.js.DeleteStream(w.t.Context(), "CLIENTS"))
			_, err := w.once()
			require.ErrorContains(w.t, err, "find CLIENTS")
			w.createStream()
			w.created(1, "Another")
			w.created(2, "Second")
		},
		"another epoch":       func(_ *world, earlier *clientsCopy) { earlier.Epoch = "an earlier one" },
		"the end before it":   func(_ *world, earlier *clientsCopy) { earlier.Sequence, earlier.Last.Sequence = 9, 9 },
		"another last event":  func(_ *world, earlier *clientsCopy) { earlier.Last.ID = uuid.NewString() },
		"another event of it": func(w *world, earlier *clientsCopy) { earlier.Last.ID = uuid.NewString(); w.created(3, "Third") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.created(1, "Another")
			w.created(2, "Second")
			w.upToDate()
			earlier, err := loadCopy(w.path)
			require.NoError(t, err)
			change(w, earlier)
			earlier.Accounts["default"][1].Name = "of another history"
			require.NoError(t, earlier.save())
			require.Contains(t, w.upToDate(), "starting over: the copy belongs to another history")
			require.Equal(t, "Another", w.clients()[1].Name)
			require.NotContains(t, w.upToDate(), "starting over")
		})
	}
}

func TestAnInvalidCopyIsRefused(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, os.WriteFile(w.path, []byte("{"), 0o600))
	_, err := w.once()
	require.ErrorContains(t, err, "delete it to start from zero")
}

func TestTheCopyFollowsUntilItIsStopped(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out printed
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"--nats-url", w.url, "--copy", w.path}, &out) }()
	for id := int64(1); id <= 600; id++ { // more than one batch
		_, err := w.js.PublishMsgAsync(stored(fmt.Sprintf("clients.default.%d", id), "clients.v1.ClientCreated", 1, fmt.Sprintf(`{"id":%d}`, id)))
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return out.lines() == 600 }, 20*time.Second, 10*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	require.Len(t, w.clients(), 600)
}

// printed is a buffer that can be read while others write to it.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *printed) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(text)
}

func (p *printed) lines() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Count(p.b.String(), "\n")
}
