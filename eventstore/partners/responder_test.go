package partners_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"
	"clients/eventstore/partners"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// A partner whose requests take long, as the creation of some consumers of a large stream, gets a share of the time. The requests
// that it has given up on meanwhile are not carried out.
func TestAPartnerCannotKeepJetStreamBusy(t *testing.T) {
	t.Parallel()
	const long, sent = 100 * time.Millisecond, 60
	servers := natstest.Run(t, 1, func(o *server.Options) { o.JetStream = false })
	jetstream, nc := servers.Connect(t, 0), servers.Connect(t, 0)
	var carriedOut, refused atomic.Int64
	_, err := jetstream.Subscribe("$JS.API.STREAM.INFO.CLIENTS", func(m *nats.Msg) {
		carriedOut.Add(1)
		time.Sleep(long)
		_ = m.Respond([]byte("{}"))
	})
	require.NoError(t, err)
	_, err = jetstream.Subscribe("reply", func(m *nats.Msg) {
		if strings.Contains(string(m.Data), "too many requests") {
			refused.Add(1)
		}
	})
	require.NoError(t, err)
	require.NoError(t, jetstream.Flush())
	stop, err := partners.Serve(nc, false)
	require.NoError(t, err)
	defer stop()
	require.NoError(t, nc.Flush())
	for range sent {
		require.NoError(t, jetstream.PublishRequest("clients-partners.partner.stream.info.CLIENTS", "reply", nil))
	}
	require.Eventually(t, func() bool { return carriedOut.Load()+refused.Load() == sent }, 15*time.Second, time.Millisecond)
	require.Positive(t, carriedOut.Load())
	require.Less(t, carriedOut.Load(), int64(34), "without the limit it would be 40 before the others are refused")
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
