package eventstore_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/internal/jsapi"
	"clients/eventstore/natstest"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// The probe is jsapi.Refused for what stands in the way of writes, or else for its own condition. It stores nothing.
func TestAProbeStoresNothing(t *testing.T) {
	t.Parallel()
	_, replicated := threeReplicas(t)
	for replicas, s := range map[int]*eventstore.Store{1: singleNode(t), 3: replicated[0]} {
		name := fmt.Sprintf("servers=%d", replicas)
		err := s.Probe(deadline(t))
		require.Equal(t, jsapi.Conflict, jsapi.Classify(err), "%s: %v", name, err)
		_, err = s.Append(deadline(t), created(1), 0)
		require.NoError(t, err)
		config := eventstore.EventStream(replicas)
		config.MaxMsgs = 1
		_, err = s.JetStream().UpdateStream(deadline(t), config)
		require.NoError(t, err)
		require.NotEmpty(t, jsapi.LacksRoom(s.Probe(deadline(t))), name)
		_, err = s.Append(deadline(t), created(2), 0)
		require.NotEmpty(t, jsapi.LacksRoom(err), name)
		require.Contains(t, s.ReadOnly(), "maximum messages")
		config.MaxMsgs = -1
		_, err = s.JetStream().UpdateStream(deadline(t), config)
		require.NoError(t, err)
		err = s.Probe(deadline(t))
		require.Equal(t, jsapi.Conflict, jsapi.Classify(err), "%s: %v", name, err)
		require.Eventually(t, func() bool { return s.ReadOnly() == "" }, 10*eventstore.ProbeEvery, eventstore.ProbeEvery/20, name)
		require.Len(t, stored(t, s), 1, name)
	}
}

// With room for small events only, the store stays read-only although some of those are let through.
func TestTheStoreIsReadOnlyUntilAnEventAsLargeAsTheRefusedOneFits(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	config := eventstore.EventStream(1)
	config.MaxBytes = 32 << 10
	_, err := s.JetStream().UpdateStream(deadline(t), config)
	require.NoError(t, err)
	large := func(id int64) error {
		_, err := s.Append(deadline(t), happened(1, domain.ClientCreated{ID: id, Name: "A", Details: strings.Repeat("x", 40<<10)}), 0)
		return err
	}
	require.NotEmpty(t, jsapi.LacksRoom(large(1)))
	for id := int64(2); id < 6; id++ {
		require.Eventually(t, func() bool { return s.Writable() == nil }, 10*eventstore.ProbeEvery, eventstore.ProbeEvery/20, "a command is let through")
		_, err = s.Append(deadline(t), created(id), 0)
		require.NoError(t, err)
		require.Contains(t, s.ReadOnly(), "maximum bytes")
	}
	config.MaxBytes = -1
	_, err = s.JetStream().UpdateStream(deadline(t), config)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.ReadOnly() == "" }, 10*eventstore.ProbeEvery, eventstore.ProbeEvery/20)
	require.NoError(t, large(6))
}

// Single writes without an acknowledgement, a long time apart, are no refusal, also if NATS lacked room once.
func TestUnacknowledgedWritesAreForgotten(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	for _, lackedRoom := range []bool{false, true} {
		if lackedRoom {
			s.Published(1, &jetstream.APIError{Code: 400, ErrorCode: 10077, Description: "maximum bytes exceeded"})
			require.NotEmpty(t, s.ReadOnly())
			s.CheckReadOnly(deadline(t))
		}
		require.Empty(t, s.ReadOnly())
		s.Unacknowledged(2, time.Hour)
		s.CheckReadOnly(deadline(t))
		s.Unacknowledged(1, 0)
		s.CheckReadOnly(deadline(t))
		require.Empty(t, s.ReadOnly(), "lacked room: %v", lackedRoom)
		_, err := s.Append(deadline(t), created(int64(len(stored(t, s))+1)), 0) // ends the row
		require.NoError(t, err)
	}
}

func TestReadOnlyIsLogged(t *testing.T) {
	t.Parallel()
	logged := make(chan string, 100)
	handler := slog.NewTextHandler(writerFunc(func(line []byte) (int, error) { logged <- string(line); return len(line), nil }), nil)
	s, err := eventstore.Open(deadline(t), natstest.Run(t, 1).Connect(t, 0), eventstore.Config{Replicas: 1, Log: slog.New(handler)})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	for _, reason := range []string{"disk full", ""} {
		s.SetReadOnly(reason)
		require.Contains(t, <-logged, fmt.Sprintf(`msg="read-only changed" reason=%q`, reason))
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
