package eventstore

import (
	"testing"

	"clients/eventstore/internal/jsapi"

	"github.com/stretchr/testify/require"
)

// The probe is jsapi.Refused for what stands in the way of writes, or else for its own condition. It stores nothing.
func TestAProbeStoresNothing(t *testing.T) {
	t.Parallel()
	_, replicated := threeReplicas(t)
	for name, s := range map[string]*Store{"one server": singleNode(t), "three servers": replicated[0]} {
		err := s.readOnly.probe(deadline(t))
		require.Equal(t, jsapi.Conflict, jsapi.Classify(err), "%s: %v", name, err)
		_, err = s.Append(deadline(t), created(1), 0)
		require.NoError(t, err)
		config := eventStream(s.config.Replicas)
		config.MaxMsgs = 1
		_, err = s.js.UpdateStream(deadline(t), config)
		require.NoError(t, err)
		require.True(t, jsapi.LacksRoom(s.readOnly.probe(deadline(t))), name)
		_, err = s.Append(deadline(t), created(2), 0)
		require.True(t, jsapi.LacksRoom(err), name)
		require.Contains(t, s.ReadOnly(), "maximum messages")
		config.MaxMsgs = -1
		_, err = s.js.UpdateStream(deadline(t), config)
		require.NoError(t, err)
		err = s.readOnly.probe(deadline(t))
		require.Equal(t, jsapi.Conflict, jsapi.Classify(err), "%s: %v", name, err)
		require.Eventually(t, func() bool { return s.ReadOnly() == "" }, 10*probeEvery, probeEvery/20, name)
		require.Len(t, stored(t, s), 1, name)
	}
}
