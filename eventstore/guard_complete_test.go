package eventstore

import (
	"testing"

	"clients/eventstore/internal/jsapi"

	"github.com/stretchr/testify/require"
)

func TestAGapIsRefusedUnlessItIsExcused(t *testing.T) {
	t.Parallel()
	excused := Excused{1: {}, 2: {}, 7: {}, 11: {}}
	for name, c := range map[string]struct {
		messages, last uint64
		complete       bool
	}{
		"nothing stored yet":     {0, 0, true},
		"nothing excused is due": {7, 10, true},
		"all excused":            {8, 12, true},
		"one more":               {7, 12, false},
		"everything":             {0, 12, false},
	} {
		i := newGuard(nil, excused)
		var info jsapi.StreamInfo
		info.State.Messages, info.State.Last = c.messages, c.last
		if c.complete {
			require.NoError(t, i.checkComplete(info), name)
			continue
		}
		require.ErrorIs(t, i.checkComplete(info), ErrIncomplete, name)
		_, err := i.checkpoint()
		require.ErrorIs(t, err, ErrIncomplete, name)
	}
	var ranges [][2]uint64
	for first, last := range excused.Rest(2, 12) {
		ranges = append(ranges, [2]uint64{first, last})
	}
	require.Equal(t, [][2]uint64{{3, 6}, {8, 10}, {12, 12}}, ranges)
}
