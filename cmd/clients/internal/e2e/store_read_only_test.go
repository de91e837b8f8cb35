package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// requireReadOnly waits until the service reports that it is read-only for a reason, and requires that it is ready, serves
// reads, and refuses writes at once.
func (s *service) requireReadOnly(t *testing.T, reason string) {
	t.Helper()
	eventually(t, func() bool {
		r := s.operations("/readyz")
		return r.status == http.StatusOK && strings.HasPrefix(r.body, "read-only: "+reason)
	}, "the service is read-only because of %s", reason)
	s.want(http.StatusOK, http.MethodGet, "/clients", "")
	const writes = 20
	slow := 0
	for range writes {
		begun := time.Now()
		r := s.want(http.StatusServiceUnavailable, http.MethodPost, "/clients", `{"client":{"name":"refused"}}`, asJSON)
		require.NotEmpty(t, r.header.Get("Retry-After"))
		if time.Since(begun) > 500*time.Millisecond {
			slow++ // it finds out whether writes are accepted again, or the machine is busy
			continue
		}
		require.NotContains(t, r.message(t), "may have been")
	}
	require.Less(t, slow, writes/2)
	require.InDelta(t, 1, s.metric("clients_read_only"), 0)
	require.InDelta(t, 1, s.metric("clients_ready"), 0)
	require.False(t, s.hasExited())
}

// hog uses up the storage of NATS with another stream.
func hog(t *testing.T, js jetstream.JetStream, replicas int) (release func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "HOG", Subjects: []string{"hog"}, Replicas: replicas})
	require.NoError(t, err)
	for size := 100_000; size > 0; {
		var refusal *jetstream.APIError
		if _, err := js.PublishMsg(ctx, &nats.Msg{Subject: "hog", Data: make([]byte, size)}); errors.As(err, &refusal) {
			size /= 2
		}
		require.NoError(t, ctx.Err())
	}
	return func() { require.NoError(t, js.DeleteStream(t.Context(), "HOG")) }
}

// limit changes the limits of CLIENTS.
func limit(t *testing.T, js jetstream.JetStream, change func(*jetstream.StreamConfig, jetstream.StreamState)) {
	t.Helper()
	stream, err := js.Stream(t.Context(), "CLIENTS")
	require.NoError(t, err)
	info := stream.CachedInfo()
	change(&info.Config, info.State)
	_, err = js.UpdateStream(t.Context(), info.Config)
	require.NoError(t, err)
}

// While an external NATS accepts no writes, the service is read-only, with and without callers.
func TestAFullExternalNATSMakesTheServiceReadOnly(t *testing.T) {
	t.Parallel()
	type refuse func(t *testing.T, js jetstream.JetStream, servers *natstest.Cluster) (release func())
	unlimited := func(js jetstream.JetStream) func(*testing.T) {
		return func(t *testing.T) {
			limit(t, js, func(c *jetstream.StreamConfig, _ jetstream.StreamState) { c.MaxMsgs, c.MaxBytes = -1, -1 })
		}
	}
	for name, c := range map[string]struct {
		refuse refuse
		reason string
	}{
		"messages of the stream": {func(t *testing.T, js jetstream.JetStream, _ *natstest.Cluster) func() {
			limit(t, js, func(c *jetstream.StreamConfig, s jetstream.StreamState) { c.MaxMsgs = int64(s.Msgs) })
			return func() { unlimited(js)(t) }
		}, "maximum messages"},
		"bytes of the stream": {func(t *testing.T, js jetstream.JetStream, _ *natstest.Cluster) func() {
			limit(t, js, func(c *jetstream.StreamConfig, s jetstream.StreamState) { c.MaxBytes = int64(s.Bytes) + 1 })
			return func() { unlimited(js)(t) }
		}, "maximum bytes"},
		"storage of the account": {func(t *testing.T, js jetstream.JetStream, servers *natstest.Cluster) func() {
			set := func(limits server.JetStreamAccountLimits) {
				for _, s := range servers.Servers {
					require.NoError(t, s.GlobalAccount().UpdateJetStreamLimits(map[string]server.JetStreamAccountLimits{"": limits}))
				}
			}
			none := server.JetStreamAccountLimits{MaxMemory: -1, MaxStore: -1, MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1}
			some := none
			some.MaxStore = 2 << 20
			set(some)
			release := hog(t, js, len(servers.Servers))
			return func() { release(); set(none) }
		}, "resource"},
		"storage of the server": {func(t *testing.T, js jetstream.JetStream, servers *natstest.Cluster) func() {
			return hog(t, js, len(servers.Servers))
		}, "insufficient resources"},
	} {
		for servers, title := range map[int]string{1: "one server", 3: "three servers"} {
			if servers == 3 && name != "bytes of the stream" {
				continue // the servers decide it in the same way
			}
			t.Run(name+", "+title, func(t *testing.T) {
				t.Parallel()
				nats := natstest.Run(t, servers, func(o *server.Options) {
					if name == "storage of the server" {
						o.JetStreamMaxStore = 4 << 20
					}
				})
				// Without the streams of other services, which reserve room.
				s := launch(t, "CLIENTS_NATS_URL="+nats.URL(), fmt.Sprintf("CLIENTS_STREAM_REPLICAS=%d", servers))
				s.awaitReady(t)
				id := s.createOnce("SuprCorp")
				js := s.partner(t)
				release := c.refuse(t, js, nats)
				first := s.want(http.StatusServiceUnavailable, http.MethodPost, "/clients", `{"client":{"name":"refused"}}`, asJSON)
				require.Contains(t, first.message(t), "accepts no changes")
				s.requireReadOnly(t, c.reason)
				release()
				eventually(t, func() bool { return s.operations("/readyz").body == "ok\n" }, "it accepts writes again without a caller: %s", s.operations("/readyz").body)
				s.settle(http.StatusOK, http.MethodPut, path(id), `{"client":{"name":"Once Ltd"}}`, asJSON)
				require.InDelta(t, 0, s.metric("clients_read_only"), 0)
				require.Len(t, events(t, js, "clients.>"), 2, "what finds out about it stores nothing")
			})
		}
	}
}

// With a NATS server whose limit is below the size of an event a start is refused. If the limit of the stream changes later, only
// the events that are too large are refused. If that of the server does, the first of them closes the connection for good, and the
// process ends.
func TestATooSmallMaxPayloadIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	small := natstest.Run(t, 1, func(o *server.Options) { o.MaxPayload = 100 << 10 })
	r := run(t, []string{"CLIENTS_NATS_URL=" + small.URL(), "CLIENTS_STREAM_REPLICAS=1", "CLIENTS_HTTP_ADDR=127.0.0.1:0", "CLIENTS_OPS_ADDR=127.0.0.1:0"}, "serve")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "max_payload")

	enough := natstest.Run(t, 1)
	s := startReplicas(t, 1, enough.URL(), "CLIENTS_STREAM_REPLICAS=1")[0]
	large := func(details int) string {
		return `{"client":{"name":"SuprCorp","details":"` + strings.Repeat(`\"`, details) + `"}}`
	}
	id := s.want(http.StatusCreated, http.MethodPost, "/clients", large(65536), asJSON).id(t)
	require.NotZero(t, id)
	limit(t, s.partner(t), func(c *jetstream.StreamConfig, _ jetstream.StreamState) { c.MaxMsgSize = 100 << 10 })
	begun := time.Now()
	refused := s.want(http.StatusServiceUnavailable, http.MethodPost, "/clients", large(65536), asJSON)
	require.Less(t, time.Since(begun), refusedWithin)
	require.NotContains(t, refused.message(t), "may have been")
	s.create("Once Ltd")
	require.Equal(t, "ok\n", s.operations("/readyz").body)

	enough.Reload(t, 0, func(o *server.Options) { o.MaxPayload = 10 << 10 })
	s.want(http.StatusServiceUnavailable, http.MethodPost, "/clients", large(20<<10), asJSON)
	require.Equal(t, 1, s.exitCode(t))
	require.Contains(t, s.stderr.String(), "Maximum Payload Violation")
}

// A stream that is being deleted or created looks for a moment like one that could not be recovered: its folder is there, and the
// server does not know the stream. One such check refuses no writes.
func TestAFaultOfTheStoreCountsWhenItIsRepeated(t *testing.T) {
	t.Parallel()
	s := start(t)
	require.NoError(t, s.administrator(t).DeleteStream(t.Context(), "INVOICES"))
	time.Sleep(500 * time.Millisecond) // into the middle between two checks
	folder := filepath.Join(s.dataDir, "nats", "jetstream", "$G", "streams", "INVOICES")
	eventually(t, func() bool { return os.Mkdir(folder, 0o700) == nil }, "the folder is removed in the background")
	begun := time.Now()
	eventually(t, func() bool {
		return strings.Contains(s.operations("/readyz").body, "read-only: JetStream stream '$G > INVOICES' could not be recovered")
	}, "the store is read-only")
	require.Greater(t, time.Since(begun), 700*time.Millisecond, "two checks, a second apart, of which the first may be late")
	require.Equal(t, 1, s.exitCode(t), "and the process ends")
}
