package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// references reports why a client cannot be deleted: the text of the refusal.
func (c *client) references(id int64) string {
	c.t.Helper()
	return c.settle(http.StatusBadRequest, http.MethodDelete, path(id), "").header.Get("Hint")
}

// ready reports whether a service is ready.
func (s *service) ready() bool { return s.operations("/readyz").status == http.StatusOK }

// lastSequence returns the sequence of the last message of CLIENTS: a request that moves it has stored something.
func lastSequence(t testing.TB, js jetstream.JetStream) uint64 {
	t.Helper()
	return streamState(t, js).LastSeq
}

// streamState returns the state of CLIENTS.
func streamState(t testing.TB, js jetstream.JetStream) jetstream.StreamState {
	t.Helper()
	stream, err := js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	return stream.CachedInfo().State
}

// clientEvent returns a valid event of a client, as clientEvent("default", "Toggled", 7, 2, `"active":false`).
func clientEvent(account, kind string, id int64, version int, attributes string) *nats.Msg {
	data := strings.Replace(fmt.Sprintf(`{"id":%d,%s}`, id, attributes), ",}", "}", 1)
	return envelope(fmt.Sprintf("clients.%s.%d", account, id), "clients.v1.Client"+kind, id, version, data)
}

// envelope returns an event with valid headers.
func envelope(subject, kind string, id int64, version int, data string) *nats.Msg {
	m := &nats.Msg{Subject: subject, Data: []byte(data), Header: nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {uuid.Must(uuid.NewV7()).String()}, "ce-type": {kind}, "ce-source": {"/clients"},
		"ce-subject": {strconv.FormatInt(id, 10)}, "ce-time": {time.Now().UTC().Format(time.RFC3339Nano)},
		"ce-clientversion": {strconv.Itoa(version)}, "content-type": {"application/json"},
	}}
	m.Header.Set("Nats-Msg-Id", m.Header.Get("ce-id"))
	return sealed(m)
}

// sealed sets the checksum of an event.
func sealed(m *nats.Msg) *nats.Msg {
	m.Header.Set("ce-checksum", checksum(event{subject: m.Subject, header: m.Header, data: string(m.Data)}))
	return m
}

// rebuild folds events as a subscriber does, by the contract alone.
func rebuild(t testing.TB, events []event) map[int64]view {
	t.Helper()
	clients := map[int64]view{}
	for _, e := range events {
		require.Equal(t, checksum(e), e.header.Get("ce-checksum"))
		id, err := strconv.ParseInt(e.header.Get("ce-subject"), 10, 64)
		require.NoError(t, err)
		version, err := strconv.ParseUint(e.header.Get("ce-clientversion"), 10, 64)
		require.NoError(t, err)
		v, exists := clients[id]
		if v.UpdatedAt = e.time.UTC().Truncate(time.Second); e.is("ClientCreated") {
			require.False(t, exists)
			v.CreatedAt = v.UpdatedAt
		} else {
			require.True(t, exists)
			require.Equal(t, v.CacheVersion+2, version)
		}
		if v.CacheVersion = version - 1; e.is("ClientDeleted") {
			delete(clients, id)
			continue
		}
		require.NoError(t, json.Unmarshal([]byte(e.data), &v)) // what is named replaces, null clears, the rest stays
		clients[id] = v
	}
	return clients
}
