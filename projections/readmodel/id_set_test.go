package readmodel_test

import (
	"testing"

	"clients/projections/readmodel"

	"github.com/stretchr/testify/require"
)

func TestIDSet(t *testing.T) {
	s, want := readmodel.NewIDSet(), []int64{1, 2, 63, 64, 65, 1 << 40, 1<<63 - 1}
	for _, id := range append(want, want...) {
		s.Add(id)
	}
	copied := s.Copy()
	s.Add(3)
	var got []int64
	for id := range copied.All() {
		got = append(got, id)
		require.True(t, s.Has(id))
	}
	require.Equal(t, want, got)
	require.Equal(t, []int{len(want), len(want) + 1}, []int{copied.Len(), s.Len()})
	require.False(t, copied.Has(3))
	require.False(t, s.Has(4))
}
