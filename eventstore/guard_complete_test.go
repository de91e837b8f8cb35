package eventstore

import (
	"testing"

	"clients/eventstore/internal/jsapi"

	"github.com/stretchr/testify/require"
)

func TestMissingMessagesAreAFault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		messages, last uint64
		complete       bool
	}{
		"nothing stored yet": {0, 0, true},
		"all there":          {12, 12, true},
		"one missing":        {11, 12, false},
		"all missing":        {0, 12, false},
	} {
		g := &guard{}
		var info jsapi.StreamInfo
		info.State.Messages, info.State.Last = c.messages, c.last
		if c.complete {
			require.NoError(t, g.compare(deadline(t), info, Checkpoint{}), name)
			continue
		}
		require.ErrorIs(t, g.compare(deadline(t), info, Checkpoint{}), ErrIncomplete, name)
		_, err := g.checkpoint()
		require.ErrorIs(t, err, ErrIncomplete, name)
	}
}
