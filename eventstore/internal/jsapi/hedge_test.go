package jsapi_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/internal/jsapi"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// responder serves requests at $JS.API.TEST with what respond returns for the n-th one, after its delay; "" for none.
func responder(t *testing.T, respond func(n int64) (string, time.Duration)) *jsapi.Client {
	t.Helper()
	nc := natstest.Run(t, 1).Connect(t, 0)
	var requests atomic.Int64
	_, err := nc.Subscribe("$JS.API.TEST", func(m *nats.Msg) {
		if body, delay := respond(requests.Add(1)); body != "" {
			time.AfterFunc(delay, func() { _ = m.Respond([]byte(body)) })
		}
	})
	require.NoError(t, err)
	api := jsapi.New(nc)
	return api
}

func TestRequestIsSentAgainWithoutAResponse(t *testing.T) {
	t.Parallel()
	for name, respond := range map[string]func(n int64) (string, time.Duration){
		"the first request is lost": func(n int64) (string, time.Duration) {
			return map[int64]string{2: `{"value":"right"}`}[n], 0
		},
		"the first response is late": func(n int64) (string, time.Duration) {
			return map[int64]string{1: `{"value":"right"}`}[n], 600 * time.Millisecond
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := responder(t, respond)
			var response struct{ Value string }
			require.NoError(t, api.Request(t.Context(), "TEST", nil, &response))
			require.Equal(t, "right", response.Value)
		})
	}
}

func TestRequestEndsWithItsContext(t *testing.T) {
	t.Parallel()
	api := responder(t, func(int64) (string, time.Duration) { return "", 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	var response struct{}
	require.ErrorIs(t, api.Request(ctx, "TEST", nil, &response), context.DeadlineExceeded)
}

func TestRequestWaitsForAnotherConnection(t *testing.T) {
	t.Parallel()
	nc := natstest.Run(t, 1).Connect(t, 0)
	api := jsapi.New(nc)
	for range 20 {
		require.NoError(t, nc.ForceReconnect())
		var response struct{}
		require.NoError(t, api.Request(t.Context(), "INFO", nil, &response))
	}
}

func TestRequestEndsWithoutAConnection(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	api := jsapi.New(cluster.Connect(t, 0))
	cluster.Servers[0].Shutdown()
	require.Eventually(t, func() bool { return !api.Conn.IsConnected() }, 10*time.Second, time.Millisecond)
	var response struct{}
	require.ErrorIs(t, api.Request(t.Context(), "INFO", nil, &response), nats.ErrReconnectBufExceeded)
}
