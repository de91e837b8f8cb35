package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Events that expired before they were read are counted and logged.
func TestEventsThatExpiredUnreadAreCounted(t *testing.T) {
	t.Parallel()
	s := startExternal(t)
	_, js := connect(t, s.nats)
	id := s.create("SuprCorp")
	client := fmt.Sprintf(`"client_id":%d`, id)
	project(t, js, "ProjectCreated", 1, client)
	require.Contains(t, s.references(id), "1 active project")
	require.Zero(t, s.stop(t))
	for n := range int64(20) {
		project(t, js, "ProjectCreated", n+2, client)
	}
	stream, err := js.Stream(t.Context(), "PROJECTS")
	require.NoError(t, err)
	expired := func() float64 { return s.metric("clients_source_expired_total", `stream="PROJECTS"`) }
	for _, c := range []struct {
		keep   uint64
		counts float64
	}{{5, 15}, {0, 0}} { // those that were read before are not counted again
		require.NoError(t, stream.Purge(t.Context(), jetstream.WithPurgeKeep(c.keep)))
		s = s.again(t)
		require.Contains(t, s.references(id), "6 active projects")
		require.InDelta(t, c.counts, expired(), 0)
		require.Zero(t, s.stop(t))
	}
}

// Without a stream of another service only the commands that depend on it are refused, until the stream exists.
func TestCommandsThatNeedAMissingStreamAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.administrator(t)
	id := s.create("SuprCorp")
	for stream, subject := range map[string]string{"PROJECTS": "projects.>", "INVOICES": "invoices.>"} {
		require.NoError(t, js.DeleteStream(t.Context(), stream))
		missing := func() float64 { return s.metric("clients_source_missing", `stream="`+stream+`"`) }
		up := func() float64 { return s.metric("clients_stream_up", `stream="`+stream+`"`) }
		last := lastSequence(t, js)
		for _, refused := range []struct{ method, path, body string }{
			{http.MethodDelete, path(id), ""}, {http.MethodPost, togglePath(id), ""}, {http.MethodPut, path(id), `{"client":{"active":false}}`},
		} {
			r := s.want(http.StatusServiceUnavailable, refused.method, refused.path, refused.body, asJSON)
			require.Contains(t, r.message(t), stream)
			require.NotEmpty(t, r.header.Get("Retry-After"))
		}
		s.want(http.StatusNotFound, http.MethodDelete, path(id+1000), "")
		require.Equal(t, last, lastSequence(t, js), "nothing is stored")
		eventually(t, func() bool { return missing() == 1 && up() == 0 }, "the metrics report it")
		require.True(t, s.ready())
		s.update(id, "<name>Without "+stream+"</name>")
		s.create("Without " + stream)

		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{subject}})
		require.NoError(t, err)
		eventually(t, func() bool { return missing() == 0 && up() == 1 }, "the metrics report that it exists")
		s.want(http.StatusOK, http.MethodPost, togglePath(id), "")
		s.want(http.StatusOK, http.MethodPost, togglePath(id), "")
	}
	s.want(http.StatusOK, http.MethodDelete, path(id), "")
}

// The last message of a stream may be one that is not read. A reader that has been idle looks for it rarely.
func TestDeletionsDoNotWaitForMessagesOnOtherSubjects(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.administrator(t)
	config := configOf(t, js, "PROJECTS")
	config.Subjects = append(config.Subjects, "tasks.>")
	_, err := js.UpdateStream(t.Context(), config)
	require.NoError(t, err)
	first, second := s.create("SuprCorp"), s.create("MegaCorp")
	time.Sleep(8 * time.Second) // idle: nothing shows that the intervals of the readers have grown
	for _, id := range []int64{first, second} {
		_, err = js.Publish(t.Context(), "tasks.1", nil)
		require.NoError(t, err)
		s.want(http.StatusOK, http.MethodDelete, path(id), "")
	}
}
