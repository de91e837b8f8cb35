package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// again returns a copy of a stored event with an id of its own.
func again(e event) *nats.Msg {
	m := &nats.Msg{Subject: e.subject, Header: maps.Clone(e.header), Data: []byte(e.data)}
	maps.DeleteFunc(m.Header, func(name string, _ []string) bool { return len(name) > 5 && name[:5] == "Nats-" })
	return altered(m, "ce-id", uuid.Must(uuid.NewV7()).String())
}

// hadEvents returns valid events of clients that already have the versions of them: client id, which is at version 3 or
// above and whose stored events are given, and client gone, which was deleted by version 2.
func hadEvents(id, gone int64, stored []event) map[string]*nats.Msg {
	return map[string]*nats.Msg{
		"copy of the creation":               again(stored[0]),
		"copy of a change":                   again(stored[1]),
		"copy of the last event":             again(stored[len(stored)-1]),
		"another event with a version":       clientEvent("default", "Updated", id, 2, `"name":"Other"`),
		"another creation":                   clientEvent("default", "Created", id, 1, `"name":"Other"`),
		"deletion with an old version":       clientEvent("default", "Deleted", id, 1, ""),
		"creation of a deleted client":       clientEvent("default", "Created", gone, 1, `"name":"Other"`),
		"second deletion":                    clientEvent("default", "Deleted", gone, 2, ""),
		"event that follows a deletion":      clientEvent("default", "Toggled", gone, 3, `"active":false`),
		"event far behind a deletion":        clientEvent("default", "Toggled", gone, 9, `"active":false`),
		"event of a deletion, as a creation": clientEvent("default", "Created", gone, 3, `"name":"Other"`),
	}
}

// versions returns the versions of a client's history.
func (c *client) versions(id int64) (versions []int64) {
	c.t.Helper()
	events, _ := c.history(path(id) + "/history?limit=1000")
	for _, e := range events {
		versions = append(versions, e.Version)
	}
	return versions
}

// upTo returns the numbers from 1 to n.
func upTo(n int64) (numbers []int64) {
	for i := int64(1); i <= n; i++ {
		numbers = append(numbers, i)
	}
	return numbers
}

// Of two events of a client with one version the first in the stream counts. The other is a foreign message.
func TestAnEventThatItsClientHasIsForeign(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.administrator(t)
	id, gone := s.create("SuprCorp"), s.create("Gone")
	s.update(id, "<name>Renamed</name>")
	s.want(http.StatusOK, http.MethodPost, togglePath(id), "")
	s.want(http.StatusOK, http.MethodDelete, path(gone), "")
	subject := fmt.Sprintf("clients.default.%d", id)
	var foreign []uint64
	for name, m := range hadEvents(id, gone, events(t, js, subject)) {
		before, client := s.list(""), s.want(http.StatusOK, http.MethodGet, path(id), "").body
		version := s.get(id).CacheVersion
		sequence := publish(t, js, m)
		foreign = append(foreign, sequence)
		eventually(t, func() bool { return s.metric("clients_stray_messages_total") == float64(len(foreign)) }, "%s is counted", name)
		eventually(t, func() bool { return s.stderr.contains(fmt.Sprintf("sequence=%d ", sequence)) }, "%s is logged", name)
		require.True(t, s.ready(), name)
		require.Equal(t, before, s.list(""), name)
		require.Equal(t, client, s.want(http.StatusOK, http.MethodGet, path(id), "").body, name)
		s.want(http.StatusNotFound, http.MethodGet, path(gone), "")
		require.Equal(t, upTo(int64(version)+1), s.versions(id), name)
		require.Equal(t, upTo(2), s.versions(gone), name)

		s.update(id, "<details>after "+name+"</details>", "Idempotency-Key: "+name) // right behind the message
		s.update(id, "<details>after "+name+"</details>", "Idempotency-Key: "+name)
		require.Equal(t, version+1, s.get(id).CacheVersion, name)
		require.Equal(t, upTo(int64(version)+2), s.versions(id), name)
	}
	list := s.list("")
	requireForeign := func(v verified) {
		t.Helper()
		v.requireFaults(t)
		slices.Sort(foreign)
		require.Equal(t, foreign, v.foreign)
		require.EqualValues(t, len(foreign), v.summary.Strays)
		require.Equal(t, 2, v.summary.Types["clients.v1.ClientCreated"])
	}
	requireForeign(verify(t, s.variables))
	require.Zero(t, s.stop(t))
	stopped := verify(t, nil, "--data-dir", s.dataDir)
	requireForeign(stopped)
	require.Equal(t, 1, stopped.summary.Snapshots)
	s = s.restart(t)
	require.Equal(t, list, s.list(""))

	js = s.administrator(t)
	high := publish(t, js, clientEvent("default", "Toggled", id, int(s.get(id).CacheVersion)+3, `"active":false`))
	eventually(t, func() bool { return !s.ready() }, "a version that is too high is corruption")
	require.Contains(t, s.operations("/readyz").body, fmt.Sprint(high))
	require.Equal(t, http.StatusServiceUnavailable, s.do(http.MethodPut, path(id), `{"client":{"name":"x"}}`, asJSON).status)
}

// A start that folds the stream from its beginning gives what one from a snapshot gives.
func TestAFullReplaySkipsWhatAClientHas(t *testing.T) {
	t.Parallel()
	s := startExternal(t)
	js := s.administrator(t)
	id, gone := s.create("SuprCorp"), s.create("Gone")
	s.update(id, "<name>Renamed</name>")
	s.want(http.StatusOK, http.MethodDelete, path(gone), "")
	for _, m := range hadEvents(id, gone, events(t, js, fmt.Sprintf("clients.default.%d", id))) {
		publish(t, js, m)
	}
	s.update(id, "<details>x</details>")
	list, client := s.list(""), s.want(http.StatusOK, http.MethodGet, path(id), "")
	require.Zero(t, s.stop(t))
	for _, snapshots := range []bool{true, false} {
		if !snapshots {
			require.NoError(t, js.DeleteObjectStore(t.Context(), "CLIENTS_SNAPSHOTS"))
		}
		s = s.restart(t)
		require.Equal(t, list, s.list(""))
		again := s.want(http.StatusOK, http.MethodGet, path(id), "")
		require.Equal(t, client.body, again.body)
		require.Equal(t, client.tag(), again.tag())
		exported := run(t, s.variables, "export")
		require.Zero(t, exported.code, exported.stderr)
		require.NotContains(t, exported.stdout, "Other")
		require.Contains(t, exported.stdout, "Renamed")
		require.Zero(t, s.stop(t))
	}
}
