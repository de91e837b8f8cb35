package eventstore_test

import (
	"fmt"
	"testing"

	"clients/eventstore"
	"clients/eventstore/internal/jsapi"

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
