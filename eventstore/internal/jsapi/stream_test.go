package jsapi_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/internal/jsapi"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestHasQuorum(t *testing.T) {
	type replica = struct {
		Name    string        `json:"name"`
		Offline bool          `json:"offline"`
		Active  time.Duration `json:"active"`
	}
	recent, old, offline := replica{Active: time.Second}, replica{Active: 2*time.Second + 1}, replica{Offline: true, Active: 1}
	for name, test := range map[string]struct {
		replicas []replica
		want     bool
	}{
		"one server":                     {nil, true},
		"both others":                    {[]replica{recent, recent}, true},
		"one of the others":              {[]replica{old, recent}, true},
		"one, and one that is offline":   {[]replica{offline, recent}, true},
		"none recently":                  {[]replica{old, old}, false},
		"none ever":                      {[]replica{{}, {}}, false},
		"one never, and one long ago":    {[]replica{{}, old}, false},
		"half of the servers":            {[]replica{recent, old, old}, false},
		"three of five":                  {[]replica{recent, recent, old, old}, true},
		"all offline, moments ago":       {[]replica{offline, offline}, false},
		"the other one of two, long ago": {[]replica{old}, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, jsapi.Cluster{Replicas: test.replicas}.HasQuorum())
		})
	}
}

// A leader that was cut off gets what the others sent to it before, when they may have elected another leader.
func TestLeaderIsNotTrustedAtOnceAfterASilence(t *testing.T) {
	t.Parallel()
	ns, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true}) // without JetStream, which would respond
	require.NoError(t, err)
	ns.Start()
	t.Cleanup(ns.Shutdown)
	nc, err := nats.Connect("", nats.InProcessServer(ns))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	var heard, term atomic.Int64 // when the leader has heard of another server; when it was elected
	_, err = nc.Subscribe("$JS.API.STREAM.INFO.TEST", func(m *nats.Msg) {
		_ = m.Respond(fmt.Appendf(nil, `{"cluster":{"leader":"a","leader_since":%q,"replicas":[{"name":"b","active":%d},{"name":"c","active":60000000000}]}}`,
			time.Unix(term.Load(), 0).Format(time.RFC3339), time.Since(time.Unix(0, heard.Load()))))
	})
	require.NoError(t, err)
	api := jsapi.New(nc)
	hear := func(ago time.Duration) { heard.Store(time.Now().Add(-ago).UnixNano()) }
	info := func() error {
		_, err := api.StreamInfo(t.Context(), "TEST")
		return err
	}

	hear(time.Second)
	require.NoError(t, info(), "before the silence")
	hear(5 * time.Second)
	require.ErrorIs(t, info(), jsapi.ErrNoQuorum, "a silence")
	hear(0)
	require.ErrorIs(t, info(), jsapi.ErrNoQuorum, "it may have been on the way for long")
	require.Eventually(t, func() bool { hear(0); return info() == nil }, 10*time.Second, time.Millisecond, "it goes on hearing")

	hear(5 * time.Second)
	require.ErrorIs(t, info(), jsapi.ErrNoQuorum, "another silence")
	hear(0)
	term.Add(1)
	require.NoError(t, info(), "elected again")
}
