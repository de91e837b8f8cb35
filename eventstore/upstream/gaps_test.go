package upstream_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"clients/eventstore/natstest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// perforated makes a stream of projects that keeps the last message of each subject, and puts n messages into it with a
// hole before each but the first.
func perforated(t *testing.T, s *system, n int) (seen []string) {
	t.Helper()
	makeProjects(t, s, func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 })
	for i := range n {
		if i > 0 {
			publish(t, s, "projects.a.0", 1)
		}
		last := publish(t, s, fmt.Sprint("projects.a.", i+1), 1)
		seen = append(seen, fmt.Sprint(last))
	}
	publish(t, s, "projects.a.0", 1)
	return append(seen, fmt.Sprint(2*n))
}

// A stream that keeps the newest message of each subject has as many holes as messages.
func TestManyHolesCostFewRequests(t *testing.T) {
	t.Parallel()
	const n = 100
	for name, servers := range map[string]int{"one server": 1, "three servers": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := onServers(t, servers)
			want := perforated(t, s, n)
			var requests atomic.Int64
			_, err := s.nc.Subscribe("$JS.API.STREAM.*.*.PROJECTS", func(*nats.Msg) { requests.Add(1) })
			require.NoError(t, err)
			_, err = s.nc.Subscribe("$JS.API.STREAM.*.PROJECTS", func(*nats.Msg) { requests.Add(1) })
			require.NoError(t, err)
			w := watched(t, s)
			w.sees(want...)
			require.LessOrEqual(t, requests.Load(), int64(3*n))
		})
	}
}

// A server may accept messages that are larger than what is requested at once. If the consumer did not deliver them, it would
// refuse every further request at once, and the reader would send one after the other.
func TestAConsumerDeliversTheLargestMessages(t *testing.T) {
	t.Parallel()
	const largest = 8 << 20
	s := newSystem(t, natstest.Run(t, 1, func(o *server.Options) { o.MaxPayload = largest }).Connect(t, 0), 1)
	makeProjects(t, s)
	w := watched(t, s)
	_, err := s.js.Publish(deadline(t), "projects.a.1", make([]byte, largest))
	require.NoError(t, err)
	w.sees("1")
	require.True(t, settles(func() bool {
		for info := range projects(t, s).ListConsumers(deadline(t)).Info() {
			return info.Delivered.Stream == 1
		}
		return false
	}))
}

// A stream that is full discards a message for each new one. A reader that is as far behind as the stream is long hands out
// what it has read, although that is gone by then.
func TestAFullStreamIsReadWhileItDiscardsMessages(t *testing.T) {
	t.Parallel()
	s := withProjects(t, func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 })
	publish(t, s, "projects.a.1", 20)
	var published atomic.Uint64
	reads, err := s.nc.Subscribe("$JS.API.STREAM.MSG.GET.PROJECTS", func(*nats.Msg) { // for each message that is read
		if published.Load() < 200 {
			publish(t, s, "projects.a.1", 2)
			published.Add(2)
		}
	})
	require.NoError(t, err)
	w := watched(t, s)
	require.True(t, settles(func() bool {
		n, seen := published.Load(), w.seen()
		return n >= 20 && len(seen) > 0 && seen[len(seen)-1] == fmt.Sprint(20+n)
	}))
	expired := uint64(0)
	for _, n := range w.expirations() {
		expired += n
	}
	require.Less(t, expired, 10+published.Load()/2)
	ended := make(chan struct{})
	reads.SetClosedHandler(func(string) { close(ended) })
	require.NoError(t, reads.Unsubscribe())
	<-ended // it may be publishing
}
