package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// Projects and invoices share a disk with the clients: what one partner publishes must not fill it.
func TestStreamsOfOtherServicesAreCreatedWithALimit(t *testing.T) {
	t.Parallel()
	embedded := start(t)
	one := natstest.Run(t, 1)
	startReplicas(t, 1, one.URL(), "CLIENTS_STREAM_REPLICAS=1")
	three := natstest.Run(t, 3)
	startReplicas(t, 1, three.URL())
	_, external := connect(t, one.URL())
	_, cluster := connect(t, three.URL())
	for _, js := range []jetstream.JetStream{embedded.administrator(t), external, cluster} {
		for _, name := range []string{"PROJECTS", "INVOICES"} {
			config := configOf(t, js, name)
			require.Positive(t, config.MaxBytes)
			require.LessOrEqual(t, config.MaxBytes, int64(1<<30))
			require.Equal(t, jetstream.DiscardNew, config.Discard, "an acknowledged event must not be discarded before it is read")
		}
		require.EqualValues(t, -1, configOf(t, js, "CLIENTS").MaxBytes)
	}
}

func configOf(t *testing.T, js jetstream.JetStream, stream string) jetstream.StreamConfig {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	require.NoError(t, err)
	return s.CachedInfo().Config
}

func TestLimitsOfExistingStreamsAreNotChanged(t *testing.T) {
	t.Parallel()
	s := start(t)
	js := s.administrator(t)
	config := configOf(t, js, "PROJECTS")
	config.MaxBytes, config.Discard, config.MaxMsgs = -1, jetstream.DiscardOld, 1000
	_, err := js.UpdateStream(t.Context(), config)
	require.NoError(t, err)
	require.Zero(t, s.stop(t))
	s = s.restart(t)
	after := configOf(t, s.administrator(t), "PROJECTS")
	require.Equal(t, config.MaxBytes, after.MaxBytes)
	require.Equal(t, config.Discard, after.Discard)
	require.Equal(t, config.MaxMsgs, after.MaxMsgs)
	require.True(t, s.stderr.contains("source without size limit"), &s.stderr)
}

func TestAFullStreamOfAnotherServiceDelaysNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := s.create("SuprCorp")
	admin := s.administrator(t)
	config := configOf(t, admin, "PROJECTS")
	config.MaxBytes = 64 << 10
	_, err := admin.UpdateStream(t.Context(), config)
	require.NoError(t, err)
	js := s.partner(t)
	project(t, js, "ProjectCreated", 7, `"client_id":1`)
	for i := 0; err == nil; i++ {
		_, err = js.Publish(t.Context(), fmt.Sprintf("projects.default.%d", 100+i), []byte(strings.Repeat("x", 4<<10)))
	}
	var refused *jetstream.APIError
	require.True(t, errors.As(err, &refused), "%v", err)
	require.EqualValues(t, 10077, refused.ErrorCode)
	s.want(http.StatusBadRequest, http.MethodDelete, path(id), "")
	s.want(http.StatusOK, http.MethodDelete, path(s.create("Once Ltd")), "")
	stream, err := admin.Stream(t.Context(), "PROJECTS")
	require.NoError(t, err)
	require.NoError(t, stream.Purge(t.Context()))
	project(t, js, "ProjectDeleted", 7, "")
	s.want(http.StatusOK, http.MethodDelete, path(id), "")
}

func TestInvalidMessagesDoNotFloodTheLog(t *testing.T) {
	t.Parallel()
	const n = 200
	begun := time.Now()
	s := start(t)
	js := s.partner(t)
	for range n {
		_, err := js.PublishAsync("projects.default.8", []byte("hello"))
		require.NoError(t, err)
	}
	admin := s.administrator(t)
	for i := range n { // into the events themselves, which only an administrator can do
		_, err := admin.PublishAsync(fmt.Sprintf("clients.default.%d", 1+i%3), []byte("hello"))
		require.NoError(t, err)
	}
	<-js.PublishAsyncComplete()
	<-admin.PublishAsyncComplete()
	eventually(t, func() bool { return s.metric("clients_quarantined_total") >= n }, "all are in quarantine")
	eventually(t, func() bool { return s.metric("clients_stray_messages_total") >= n }, "all are skipped")
	s.create("SuprCorp")
	require.Zero(t, s.stop(t))
	for _, kind := range []string{"message quarantined", "foreign message skipped"} {
		count := strings.Count(s.stderr.String(), kind)
		require.Positive(t, count, kind)
		require.LessOrEqual(t, count, 101+int(time.Since(begun)/(600*time.Millisecond)), kind) // 100 a minute
	}
}
