package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// An empty copy starts from a list and continues with the later events of that account.
func TestTheCopyStartsFromAList(t *testing.T) {
	w := newWorld(t)
	w.created(1, "Of the list") // which is not read: the list has another name
	w.created(2, "Deleted in the list")
	stream, err := w.js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	lists := 0
	api := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user+password != "annsesame" {
			response.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Path == "/account/who_am_i.json" {
			fmt.Fprint(response, `{"company":{"name":"default"}}`)
			return
		}
		lists++
		response.Header().Set("Stream-Sequence", "3")
		response.Header().Set("Stream-Epoch", stream.CachedInfo().Created.UTC().Format(time.RFC3339Nano))
		fmt.Fprint(response, `[{"client":{"id":1,"name":"Listed","cache_version":4,"updated_at":"2026-11-29T09:00:00Z"}}]`)
	}))
	t.Cleanup(api.Close)
	w.store(&nats.Msg{Subject: "client-references.default.1", Data: []byte("internal")})
	_, err = w.once("--api", api.URL)
	require.ErrorContains(t, err, "401")
	login := []string{"--api", strings.Replace(api.URL, "://", "://ann:sesame@", 1)}
	_, err = w.once(login...)
	require.NoError(t, err)
	require.Equal(t, "Listed", w.clients()[1].Name)
	own, err := loadCopy(w.path)
	require.NoError(t, err)
	require.EqualValues(t, 2, own.Last.Sequence, "the last event of the list is known by its id")

	w.happened("ClientToggled", 1, 6, `{"id":1,"active":true}`)
	w.store(stored("clients.another.9", "clients.v1.ClientCreated", 1, `{"id":9}`))
	w.created(3, "Third")
	out, err := w.once(login...)
	require.NoError(t, err)
	require.Equal(t, "4 clients.v1.ClientToggled default 1\n6 clients.v1.ClientCreated default 3\n", out)
	require.Equal(t, 1, lists)
	require.True(t, w.clients()[1].Active)

	own, err = loadCopy(w.path)
	require.NoError(t, err)
	own.Epoch = "an earlier one"
	require.NoError(t, own.save())
	out, err = w.once(login...)
	require.NoError(t, err)
	require.Contains(t, out, "starting over")
	require.Equal(t, 2, lists)
}
