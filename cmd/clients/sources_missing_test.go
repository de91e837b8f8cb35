package main

import (
	"net/http"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Without the streams of other services everything goes on that does not need to know what they hold; when the streams
// appear, the rest does, too.
func TestMissingStreamsOfOtherServices(t *testing.T) {
	t.Parallel()
	a := launch(t)
	other := a.tap()
	id, another := a.named("SuprCorp"), a.named("Other")
	for _, stream := range []string{"PROJECTS", "INVOICES"} {
		require.NoError(t, other.js.DeleteStream(t.Context(), stream))
		last := other.lastSequence()
		for _, refused := range []struct{ method, path, body string }{
			{"DELETE", path(id), ""}, {"POST", togglePath(id), ""}, {"PUT", path(id), "<client><active>false</active></client>"},
		} {
			got := a.want(http.StatusServiceUnavailable, refused.method, refused.path, refused.body, asXML)
			require.Contains(t, got.message(t), "the stream "+stream+" does not exist")
			require.NotEmpty(t, got.header.Get("Retry-After"))
		}
		a.want(404, "DELETE", path(id+1000), "")
		require.Equal(t, last, other.lastSequence(), "nothing has changed")
		eventually(t, "a metric tells", func() bool { return a.labelled("clients_source_missing", `stream="`+stream+`"`) == 1 })
		require.Contains(t, a.logged.String(), "does not exist: until it does")
		require.Equal(t, 200, a.ops("/readyz").status)
		a.update(id, "<name>Without "+stream+"</name>")
		a.named("Without " + stream)

		_, err := other.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{
			map[string]string{"PROJECTS": "projects.>", "INVOICES": "invoices.>"}[stream],
		}})
		require.NoError(t, err)
		eventually(t, "it heals by itself", func() bool { return a.labelled("clients_source_missing", `stream="`+stream+`"`) == 0 })
		a.want(200, "POST", togglePath(id), "")
		a.want(200, "POST", togglePath(id), "")
	}
	a.want(200, "DELETE", path(id), "")
	a.want(200, "DELETE", path(another), "")
}
