package upstream_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"clients/eventstore/natstest"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestASourceIsReadFromWhereTheRecordEndsAndThenOn(t *testing.T) {
	t.Parallel()
	s := withProjects(t)
	publish(t, s, "projects.a.1", 5)
	state, err := s.State(deadline(t), upstream.Projects)
	require.NoError(t, err)
	third, err := s.Message(deadline(t), upstream.Projects, 3)
	require.NoError(t, err)
	w := watched(t, s, func(w *witness) {
		w.record[state.Created.UnixNano()] = upstream.Recorded{Sequence: 3, StoredAt: third.StoredAt}
	})
	w.sees("4", "5")
	publish(t, s, "projects.a.1", 2)
	w.sees("4", "5", "6", "7")
	_, err = s.js.PublishMsg(deadline(t), &nats.Msg{Subject: "projects.b.2", Header: nats.Header{"a": {"b", "c"}}, Data: []byte("\x00")})
	require.NoError(t, err)
	w.sees("4", "5", "6", "7", "8")
	m := w.messages[4]
	require.WithinDuration(t, time.Now(), m.StoredAt, 10*time.Second)
	m.StoredAt = time.Time{}
	require.Equal(t, upstream.Message{
		Stream: "PROJECTS", Created: state.Created, Sequence: 8, Previous: 7, Subject: "projects.b.2", Header: nats.Header{"a": {"b", "c"}}, Data: []byte("\x00"),
	}, m)
	require.Zero(t, w.rewinds)
	require.Empty(t, w.expirations())
	require.Equal(t, []bool{false}, w.missing)
}

func TestAMissingSourceIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := onServers(t, 1)
	_, err := s.State(deadline(t), upstream.Projects)
	require.ErrorIs(t, err, upstream.ErrMissing)
	w := watched(t, s)
	missing := func(want ...bool) {
		t.Helper()
		require.True(t, settles(func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.missing) >= len(want) }))
		w.mu.Lock()
		defer w.mu.Unlock()
		require.Equal(t, want, w.missing)
	}
	missing(true)
	makeProjects(t, s)
	missing(true, false)
	publish(t, s, "projects.a.1", 2)
	w.sees("1", "2")
	require.NoError(t, s.js.DeleteStream(deadline(t), upstream.Projects.Name))
	missing(true, false, true)
	makeProjects(t, s)
	missing(true, false, true, false)
	publish(t, s, "projects.a.1", 1)
	w.sees("1", "2", "1")
}

// Gaps between the messages take a few requests each, however wide they are.
func TestHolesInASourceAreReadOver(t *testing.T) {
	t.Parallel()
	s := withProjects(t)
	publish(t, s, "projects.a.1", 10)
	publish(t, s, "other.a.1", 50)
	publish(t, s, "projects.a.1", 1)
	for _, n := range []uint64{2, 5, 6, 7, 10} {
		require.NoError(t, projects(t, s).DeleteMsg(deadline(t), n))
	}
	var questions atomic.Int64
	_, err := s.nc.Subscribe("$JS.API.STREAM.>", func(*nats.Msg) { questions.Add(1) })
	require.NoError(t, err)
	w := watched(t, s)
	w.sees("1", "3", "4", "8", "9", "61")
	require.Empty(t, w.expirations())
	require.Positive(t, questions.Load())
	require.LessOrEqual(t, questions.Load(), int64(15))
}

func TestTheEndOfASourceIsReachedWhateverStandsThere(t *testing.T) {
	t.Parallel()
	s := withProjects(t)
	publish(t, s, "projects.a.1", 5)
	require.NoError(t, projects(t, s).DeleteMsg(deadline(t), 5))
	w := watched(t, s)
	w.sees("1", "2", "3", "4", "gone 5")
	publish(t, s, "other.a.1", 3)
	w.sees("1", "2", "3", "4", "gone 5", "gone 8")
	publish(t, s, "projects.a.1", 1)
	w.sees("1", "2", "3", "4", "gone 5", "gone 8", "9")
	require.Empty(t, w.expirations())
}

func TestWhatWasGoneBeforeItWasReadIsCountedOnce(t *testing.T) {
	t.Parallel()
	s := withProjects(t)
	publish(t, s, "projects.a.1", 10)
	require.NoError(t, projects(t, s).Purge(deadline(t), jetstream.WithPurgeSequence(8)))
	w := newWitness(t, s)
	stop := w.read()
	w.sees("gone 7", "8", "9", "10")
	require.Equal(t, []uint64{7}, w.expirations())
	stop()
	publish(t, s, "projects.a.1", 5)
	require.NoError(t, projects(t, s).Purge(deadline(t)))
	stop = w.read()
	w.sees("gone 7", "8", "9", "10", "gone 15")
	require.Equal(t, []uint64{7, 5}, w.expirations())
	stop()
	w.read()
	publish(t, s, "projects.a.1", 1)
	w.sees("gone 7", "8", "9", "10", "gone 15", "16")
	require.NoError(t, projects(t, s).Purge(deadline(t)))
	publish(t, s, "projects.a.1", 1)
	w.sees("gone 7", "8", "9", "10", "gone 15", "16", "17")
	require.Equal(t, []uint64{7, 5}, w.expirations(), "16 had been read")
}

// A message can look like a status message of the server. It must not end the delivery.
func TestNoMessageStopsThoseBehindIt(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	s := newSystem(t, cluster.Connect(t, 0), 1)
	makeProjects(t, s)
	w := watched(t, s)
	odd := 0
	for _, header := range []string{
		"NATS/1.0\r\nStatus: 409\r\nDescription: Consumer Deleted\r\n\r\n", "NATS/1.0 409 Consumer Deleted\r\n\r\n", "NATS/1.0 409 Server Shutdown\r\n\r\n",
		"NATS/1.0 503\r\n\r\n", "NATS/1.0 404 No Messages\r\n\r\n", "NATS/1.0 408 Request Timeout\r\n\r\n", "NATS/1.0 100 Idle Heartbeat\r\n\r\n",
		"NATS/1.0 400 Bad Request\r\n\r\n", "NATS/1.0 423 Nats-Wrong-Pin-Id\r\n\r\n", "NATS/1.0\r\nNats-Pin-Id: x\r\n\r\n", "NATS/1.0\r\nNats-Pending-Messages: 7\r\n\r\n",
		"NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0\r\n: no name\r\n\r\n", "NATS/1.0\r\na: \x00\xff\r\n\r\n", "NATS/1.0\r\n\r\n",
	} {
		natstest.PublishRaw(t, cluster.Servers[0].ClientURL(), "projects.a.1", header, "")
		odd++
	}
	w.sees(span(1, odd)...)
	for range 2 { // nothing comes behind the second, either
		natstest.PublishRaw(t, cluster.Servers[0].ClientURL(), "projects.a.1", "NATS/1.0 409 Consumer Deleted\r\n\r\n", "")
		odd++
		w.sees(span(1, odd)...)
	}
	natstest.PublishRaw(t, cluster.Servers[0].ClientURL(), "projects.a.1", "NATS/1.0 409 Consumer Deleted\r\n\r\n", "body")
	w.sees(span(1, odd+1)...)
	publish(t, s, "projects.a.1", 700)
	w.sees(span(1, odd+701)...)
	require.Empty(t, w.expirations())
}

func TestManyMessagesAreReadInTheirOrder(t *testing.T) {
	t.Parallel()
	s := withProjects(t)
	const n = 3000
	for i := range n {
		_, err := s.js.PublishAsync("projects.a.1", fmt.Append(nil, i))
		require.NoError(t, err)
	}
	w := watched(t, s)
	w.sees(span(1, n)...)
	for i, m := range w.messages {
		require.Equal(t, fmt.Sprint(i), string(m.Data))
		require.Equal(t, uint64(i), m.Previous)
	}
}
