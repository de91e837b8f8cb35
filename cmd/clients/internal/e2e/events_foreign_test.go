package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// foreign returns messages without a valid envelope on subjects of clients. Client id exists, id+1000 does not.
func foreign(id int64) map[string]*nats.Msg {
	existing, unknown := fmt.Sprintf("clients.default.%d", id), fmt.Sprintf("clients.default.%d", id+1000)
	created := fmt.Sprintf(`{"id":%d,"name":"foreign","active":true}`, id)
	without := func(names ...string) *nats.Msg {
		m := envelope(existing, "clients.v1.ClientDeleted", id, 2, created)
		for _, name := range names {
			m.Header.Del(name)
		}
		return sealed(m)
	}
	unsealed := func(name string) *nats.Msg {
		m := without(name)
		m.Header.Del("ce-checksum")
		return m
	}
	with := func(name, value string) *nats.Msg {
		m := without()
		m.Header.Set(name, value)
		return sealed(m)
	}
	deep := without()
	deep.Subject = "clients.x.y.z"
	return map[string]*nats.Msg{
		"no headers, existing client":    message(existing, created),
		"no headers, unknown client":     message(unknown, created),
		"no data":                        message(existing, ""),
		"deep subject":                   message("clients.x.y.z", "hello"),
		"shallow subject":                message("clients.x", "hello"),
		"other account":                  message(fmt.Sprintf("clients.other.%d", id), created),
		"invalid account":                message(fmt.Sprintf("clients.Not_An_Account.%d", id), created),
		"client that is no number":       message("clients.default.x", created),
		"client with leading zero":       message(fmt.Sprintf("clients.default.0%d", id), created),
		"client past 2^63":               message("clients.default.9223372036854775808", created),
		"envelope on a deep subject":     deep,
		"headers of something else":      message(existing, created, "X-Test", "1"),
		"event of another service":       envelope(existing, "projects.v1.ProjectCreated", id, 2, created),
		"half an envelope: type":         without("ce-type"),
		"half an envelope: specversion":  without("ce-specversion"),
		"half an envelope: id":           without("ce-id"),
		"half an envelope: checksum":     unsealed("ce-checksum"),
		"half an envelope: version":      without("ce-clientversion"),
		"half an envelope: time":         without("ce-time"),
		"half an envelope: source":       without("ce-source"),
		"half an envelope: subject":      without("ce-subject"),
		"half an envelope: content type": without("content-type"),
		"half an envelope: type alone":   message(existing, "", "ce-type", "clients.v1.ClientDeleted"),
		"invalid specversion":            with("ce-specversion", "0.3"),
		"invalid id":                     with("ce-id", "event-1"),
		"invalid id with braces":         with("ce-id", "{"+uuid.NewString()+"}"),
		"invalid version":                with("ce-clientversion", "two"),
		"invalid version: zero":          with("ce-clientversion", "0"),
		"invalid version: leading zero":  with("ce-clientversion", "02"),
		"invalid time":                   with("ce-time", "yesterday"),
		"source of another service":      with("ce-source", "/projects"),
		"subject of another client":      with("ce-subject", fmt.Sprint(id+1)),
		"invalid content type":           with("content-type", "text/plain"),
		"half an envelope: version only": message(unknown, created, "ce-clientversion", "1"),
	}
}

func TestForeignMessagesAreSkipped(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.administrator(t)
	id := s.create("SuprCorp")
	skipped := 0.0
	for name, m := range foreign(id) {
		before, version := s.list(""), s.get(id).CacheVersion
		sequence := publish(t, js, m)
		skipped++
		eventually(t, func() bool { return s.metric("clients_stray_messages_total") == skipped }, "%s is counted", name)
		eventually(t, func() bool { return s.stderr.contains(fmt.Sprintf("sequence=%d ", sequence)) }, "%s is logged", name)
		require.Equal(t, before, s.list(""), name)
		s.want(http.StatusNotFound, http.MethodGet, path(id+1000), "")
		require.Empty(t, s.want(http.StatusOK, http.MethodGet, "/clients", "").header.Get("Warning"), name)
		require.True(t, s.ready(), name)
		s.update(id, "<details>after "+name+"</details>") // right behind the message
		after := s.get(id)
		require.Equal(t, "after "+name, after.Details)
		require.Equal(t, version+1, after.CacheVersion, name)
	}
	before := s.list("")
	require.Zero(t, s.stop(t))
	s = s.restart(t)
	require.Equal(t, before, s.list(""))
	require.Zero(t, s.metric("clients_stray_messages_total"), "the snapshot is newer")
	s.want(http.StatusOK, http.MethodPost, togglePath(id), "")
	s.want(http.StatusOK, http.MethodDelete, path(id), "")
}

// Each foreign message is logged by its sequence, or is among those that a line counts and bounds.
func TestEachForeignMessageIsInTheLog(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_LOG_LEVEL=info", "CLIENTS_LOG_FORMAT=json")
	js := s.administrator(t)
	id := s.create("SuprCorp")
	const count = 250
	first := publish(t, js, message(fmt.Sprintf("clients.default.%d", id), "foreign"))
	for range count - 1 {
		publish(t, js, message(fmt.Sprintf("clients.default.%d", id), "foreign"))
	}
	s.update(id, "<name>behind them</name>")
	require.Zero(t, s.stop(t))
	next, lines := first, map[any]int{}
	for _, line := range linesOf(s.stderr.String()) {
		f := fields(t, line)
		lines[f["msg"]]++
		switch f["msg"] {
		case "foreign message skipped":
			require.EqualValues(t, next, f["sequence"])
			next++
		case "more foreign messages skipped":
			require.EqualValues(t, next, f["first"])
			next += uint64(f["messages"].(float64))
			require.EqualValues(t, next-1, f["last"])
		}
	}
	require.EqualValues(t, first+count, next)
	require.Less(t, lines["foreign message skipped"], count, "a limit")
	require.NotZero(t, lines["more foreign messages skipped"])
}

// Every command can be applied to a client whose last message is foreign, and ids skip subjects that have one.
func TestForeignMessagesStopNoCommand(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.administrator(t)
	put := func(id int64) { publish(t, js, message(fmt.Sprintf("clients.default.%d", id), "foreign")) }
	for id := range int64(99) {
		put(id + 1)
	}
	put(1<<63 - 1)
	id := s.create("SuprCorp")
	require.GreaterOrEqual(t, id, int64(100))
	for _, key := range []string{"X-None: x", "Idempotency-Key: 7b0f"} {
		put(id)
		s.update(id, "<name>"+key+"</name>", key)
		put(id)
		s.want(http.StatusOK, http.MethodPost, togglePath(id), "", key+"0")
	}
	put(id)
	tag := s.want(http.StatusOK, http.MethodGet, path(id), "").tag()
	put(id)
	s.want(http.StatusOK, http.MethodDelete, path(id), "", "If-Match: "+tag)
	put(id)
	s.want(http.StatusNotFound, http.MethodGet, path(id), "")

	for _, ahead := range []int64{1, 2, 3, 5} {
		put(id + ahead)
	}
	next := s.create("Next")
	require.Greater(t, next, id)
	put(next + 1)
	const key = "Idempotency-Key: c411"
	keyed := s.create("Keyed", key)
	require.Greater(t, keyed, next)
	require.Equal(t, keyed, s.create("Keyed", key))
	require.Zero(t, s.stop(t))
	s = s.restart(t)
	require.Equal(t, []string{"Keyed", "Next"}, names(s.list("")))
	s.create("Last")
}

// An event that does not count is not sent either to a reader that reads the stream itself, also by a service that was started
// behind it.
func TestAFeedLeavesOutRepeatedEvents(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.administrator(t)
	id := s.create("SuprCorp")
	_, err := js.PublishMsg(t.Context(), sealed(envelope(fmt.Sprintf("clients.default.%d", id), "clients.v1.ClientDeleted", id, 1, fmt.Sprintf(`{"id":%d}`, id))))
	require.NoError(t, err)
	s.create("Other")
	for range 2 {
		for position, want := range map[string][]uint64{"?after=0": {1, 3}, "?after=1": {3}} {
			var sequences []uint64
			for _, e := range s.openFeed(position).take(len(want)) {
				sequences = append(sequences, e.sequence(t))
			}
			require.Equal(t, want, sequences, position)
		}
		s.stop(t)
		s = s.restart(t)
	}
}
