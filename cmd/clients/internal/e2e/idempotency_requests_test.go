package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestAKeyWithAnotherRequestIsRefused(t *testing.T) {
	t.Parallel()
	s := shared(t)
	id, other := s.create("SuprCorp"), s.create("Other")
	tag := s.want(http.StatusOK, http.MethodGet, path(id), "").header.Get("ETag")
	const body = `{"client":{"name":"New"}}`
	first := s.want(http.StatusOK, http.MethodPut, path(id), body, asJSON, key, "If-Match: "+tag)
	stored := s.stored()
	for name, request := range map[string][]string{ // method, path, body, headers
		"another If-Match":   {http.MethodPut, path(id), body, "If-Match: " + first.header.Get("ETag")},
		"two of them":        {http.MethodPut, path(id), body, "If-Match: " + tag + `, "x"`},
		"any":                {http.MethodPut, path(id), body, "If-Match: *"},
		"no If-Match":        {http.MethodPut, path(id), body},
		"another body":       {http.MethodPut, path(id), `{"client":{"name":"Newer"}}`, "If-Match: " + tag},
		"a body that is bad": {http.MethodPut, path(id), `{"client":{"name":""}}`, "If-Match: " + tag},
		"another client":     {http.MethodPut, path(other), body, "If-Match: " + tag},
		"another method":     {http.MethodDelete, path(id), "", "If-Match: " + tag},
		"another path":       {http.MethodPost, path(id) + "/toggle", "", "If-Match: " + tag},
		"a creation":         {http.MethodPost, "/clients", body, "If-Match: " + tag},
		"a bad creation":     {http.MethodPost, "/clients", `{"client":{"name":""}}`},
		"attributes in path": {http.MethodPut, path(id) + "?client[details]=x", body, "If-Match: " + tag},
	} {
		r := s.do(request[0], request[1], request[2], append(request[3:], asJSON, key)...)
		require.Equal(t, http.StatusUnprocessableEntity, r.status, "%s: %s", name, r.body)
	}
	again := s.want(http.StatusOK, http.MethodPut, path(id), body, asJSON, key, "If-Match: "+tag)
	require.Equal(t, first.header.Get("ETag"), again.header.Get("ETag"))
	require.Equal(t, stored, s.stored())
}

// A service ends between storing an event and completing its record. The retry finds the event, and so it finds that there
// is none, behind many later changes of the client: not with one request for each of them.
func TestAnUnfinishedKeyIsCompletedAfterManyLaterChanges(t *testing.T) {
	t.Parallel()
	servers := natstest.Run(t, 1)
	replicas := startReplicas(t, 2, servers.URL(), "CLIENTS_STREAM_REPLICAS=1")
	nc, js := connect(t, servers.URL())
	id := replicas[0].create("SuprCorp")
	const body, changes = `{"client":{"details":"keyed"}}`, 200
	first := replicas[0].want(http.StatusOK, http.MethodPut, path(id), body, asJSON, key)
	for i := range changes {
		replicas[0].want(http.StatusOK, http.MethodPut, path(id), fmt.Sprintf(`{"client":{"details":"%d"}}`, i), asJSON)
	}
	var requests atomic.Int64
	_, err := nc.Subscribe("$JS.API.STREAM.MSG.GET.CLIENTS", func(*nats.Msg) { requests.Add(1) })
	require.NoError(t, err)
	forget(t, js, nil)
	again := replicas[1].want(http.StatusOK, http.MethodPut, path(id), body, asJSON, key)
	require.Equal(t, first.header.Get("ETag"), again.header.Get("ETag"))

	forget(t, js, func(record map[string]any) { record["event_id"] = "never stored" })
	again = replicas[0].want(http.StatusOK, http.MethodPut, path(id), body, asJSON, key)
	require.NotEqual(t, first.header.Get("ETag"), again.header.Get("ETag"), "it is carried out")
	require.Less(t, requests.Load(), int64(changes/2))
	require.Len(t, events(t, js, "clients.default.1"), 1+1+changes+1)
}

// forget removes the stored response from the only record of account default, and alters it.
func forget(t *testing.T, js jetstream.JetStream, alter func(map[string]any)) {
	t.Helper()
	require.Equal(t, 1, forgetResponses(t, js, "default", alter))
}

// forgetResponses removes the stored responses from an account's records, as a service leaves them that ends between
// storing an event and completing its record. It returns how many there are.
func forgetResponses(t *testing.T, js jetstream.JetStream, account string, alter func(map[string]any)) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	bucket, err := js.KeyValue(ctx, "CLIENTS_KEYS")
	require.NoError(t, err)
	keys, err := bucket.Keys(ctx)
	require.NoError(t, err)
	keys = slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, account+".") })
	for _, key := range keys {
		entry, err := bucket.Get(ctx, key)
		require.NoError(t, err)
		record := fields(t, string(entry.Value()))
		require.Contains(t, record, "answer")
		delete(record, "answer")
		if alter != nil {
			alter(record)
		}
		_, err = bucket.Update(ctx, key, []byte(jsonOf(t, record)), entry.Revision())
		require.NoError(t, err)
	}
	return len(keys)
}

func TestARefusedCreateTakesNoIDAndPublishesNothing(t *testing.T) {
	t.Parallel()
	s := start(t, "CLIENTS_SCRUB_INTERVAL=0") // which has a record beside those of requests
	js := s.administrator(t)
	last := func() (all []uint64) {
		for _, name := range []string{"CLIENTS", "CLIENTS_IDS", "KV_CLIENTS_KEYS"} {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			stream, err := js.Stream(ctx, name)
			require.NoError(t, err)
			all = append(all, stream.CachedInfo().State.LastSeq)
		}
		return all
	}
	before := last()
	for i, body := range []string{
		`{"client":{"name":" "}}`, `{"client":{}}`, `{"client":{"name":null}}`, `{"client":{"name":"x","highrise_id":-1}}`,
		`{"client":{"name":"x","currency":" "}}`, `{"client":`,
	} {
		for range 250 { // more than the ids that are taken at once
			s.want(http.StatusBadRequest, http.MethodPost, "/clients", body, asJSON)
		}
		s.want(http.StatusBadRequest, http.MethodPost, "/clients", body, asJSON, fmt.Sprintf("Idempotency-Key: %d", i))
	}
	list := filepath.Join(t.TempDir(), "list.json")
	require.NoError(t, os.WriteFile(list, []byte(`[{"client":{"id":1,"name":" "}},{"client":{"id":2,"name":"x","currency":" "}}]`), 0o600))
	imported := run(t, nil, "import", list, "--url", s.base)
	require.Equal(t, 1, imported.code, imported.stderr)
	require.Contains(t, imported.stderr, "2 rejected")
	require.Equal(t, before, last())
	first := s.create("First")
	s.want(http.StatusBadRequest, http.MethodPost, "/clients", `{"client":{"name":""}}`, asJSON)
	require.Equal(t, first+1, s.create("Second"))
	require.Equal(t, int64(1), first)
	s.want(http.StatusCreated, http.MethodPost, "/clients", `{"client":{"name":"Key"}}`, asJSON, "Idempotency-Key: 0") // it is free
}
