package transport

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsNotUsedForTheLongestTimeGoesFirst(t *testing.T) {
	t.Parallel()
	r := newRecent[string, int](2)
	_, found := r.get("a")
	require.False(t, found)
	r.put("a", 1)
	r.put("b", 2)
	r.put("a", 3)
	r.put("c", 4)
	_, found = r.get("b")
	require.False(t, found)
	value, found := r.get("a")
	require.True(t, found)
	require.Equal(t, 3, value)
	r.put("d", 5)
	_, found = r.get("c")
	require.False(t, found, "a was looked at since")
	require.Len(t, r.entries, 2)
	require.Equal(t, 2, r.order.Len())
}
