package eventstore_test

import (
	"testing"

	"clients/eventstore"
	"clients/eventstore/internal/jsapi"

	"github.com/stretchr/testify/require"
)

func TestMissingMessagesAreAFault(t *testing.T) {
	t.Parallel()
	store := singleNode(t) // its stream has no records of removals
	for name, c := range map[string]struct {
		messages, last uint64
		complete       bool
	}{
		"nothing stored yet": {0, 0, true},
		"all there":          {12, 12, true},
		"one missing":        {11, 12, false},
		"all missing":        {0, 12, false},
	} {
		g := store.NewGuard()
		var info jsapi.StreamInfo
		info.State.Messages, info.State.Last = c.messages, c.last
		if c.complete {
			require.NoError(t, g.Compare(deadline(t), info), name)
			continue
		}
		require.ErrorIs(t, g.Compare(deadline(t), info), eventstore.ErrIncomplete, name)
		require.ErrorIs(t, g.Fault(), eventstore.ErrIncomplete, name)
	}
}
