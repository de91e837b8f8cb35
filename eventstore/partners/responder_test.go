package partners_test

import (
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"
	"clients/eventstore/partners"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// A partner whose requests take long, as the creation of some consumers of a large stream, gets a share of the time.
func TestAPartnerCannotKeepJetStreamBusy(t *testing.T) {
	t.Parallel()
	const long, window = 250 * time.Millisecond, 4 * time.Second
	servers := natstest.Run(t, 1, func(o *server.Options) { o.JetStream = false })
	jetstream, nc := servers.Connect(t, 0), servers.Connect(t, 0)
	var requests atomic.Int64
	_, err := jetstream.Subscribe("$JS.API.STREAM.INFO.CLIENTS", func(m *nats.Msg) {
		requests.Add(1)
		time.Sleep(long)
		_ = m.Respond([]byte("{}"))
	})
	require.NoError(t, err)
	require.NoError(t, jetstream.Flush())
	stop, err := partners.Serve(nc, false)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	for range int(window / long) {
		require.NoError(t, jetstream.PublishRequest("clients-partners.partner.stream.info.CLIENTS", "reply", nil))
	}
	time.Sleep(window)
	require.Greater(t, requests.Load(), int64(0))
	require.Less(t, requests.Load(), int64(window/long)*3/4)
	stop()
}

// Requests without a response, as during an election, are not held against the partner: the next one is carried out at once.
func TestAPartnerIsServedAgainAfterAnOutage(t *testing.T) {
	t.Parallel()
	servers := natstest.Run(t, 1, func(o *server.Options) { o.JetStream = false })
	jetstream, nc := servers.Connect(t, 0), servers.Connect(t, 0)
	var requests atomic.Int64
	_, err := jetstream.Subscribe("$JS.API.STREAM.INFO.CLIENTS", func(m *nats.Msg) {
		if requests.Add(1) > 2 {
			_ = m.Respond([]byte("{}"))
		}
	})
	require.NoError(t, err)
	require.NoError(t, jetstream.Flush())
	stop, err := partners.Serve(nc, false)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	for range 2 {
		reply, err := jetstream.Request("clients-partners.partner.stream.info.CLIENTS", nil, 10*time.Second)
		require.NoError(t, err)
		require.Contains(t, string(reply.Data), "does not respond")
	}
	reply, err := jetstream.Request("clients-partners.partner.stream.info.CLIENTS", nil, 10*time.Second)
	require.NoError(t, err)
	require.Equal(t, "{}", string(reply.Data))
	stop()
}
