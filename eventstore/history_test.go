package eventstore

import (
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

// sequences reads a history to its end, or that of one account or client.
func sequences(t *testing.T, h *History, account string, clientID int64) (all []uint64) {
	t.Helper()
	read := h.RecordsOf(deadline(t), account, clientID)
	if account == "" && clientID == 0 {
		read = h.Records(deadline(t))
	}
	for record, err := range read {
		require.NoError(t, err)
		all = append(all, record.Sequence)
	}
	return all
}

func TestHistoryOfOneClientOrAccount(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 3} {
		s := singleOrReplicated(t, servers)
		var all, first, other []uint64
		for id := range int64(40) {
			e := created(id + 1)
			if id%8 == 7 {
				e.Account = "other"
			}
			revision, err := s.Append(deadline(t), e, 0)
			require.NoError(t, err)
			if all = append(all, revision.Sequence); id == 0 {
				first = append(first, revision.Sequence)
			}
			if e.Account == "other" {
				other = append(other, revision.Sequence)
			}
		}
		h, err := OpenHistory(deadline(t), s.nc)
		require.NoError(t, err)
		require.Equal(t, all, sequences(t, h, "", 0))
		require.Equal(t, first, sequences(t, h, "", 1), "found at once")
		require.Equal(t, first, sequences(t, h, "test", 1))
		require.Equal(t, other, sequences(t, h, "other", 0))
		require.Empty(t, sequences(t, h, "other", 1))
		h.First, h.Last = other[1], other[3]
		require.Equal(t, other[1:4], sequences(t, h, "other", 0))
		h.First, h.Last = other[1]+1, other[2]-1
		require.Empty(t, sequences(t, h, "other", 0), "nothing lies in between")
	}
}

func TestHistoryGoesOn(t *testing.T) {
	t.Parallel()
	s := singleNode(t)
	_, err := s.Append(deadline(t), created(1), 0)
	require.NoError(t, err)
	h, err := OpenHistory(deadline(t), s.nc)
	require.NoError(t, err)
	require.NoError(t, h.Extend(deadline(t)))
	require.Empty(t, sequences(t, h, "", 0))
	for id := range int64(3) {
		_, err := s.Append(deadline(t), happened(1, domain.ClientCreated{ID: id + 2, Name: "SuprCorp", Currency: "Euro - EUR"}), 0)
		require.NoError(t, err)
	}
	require.NoError(t, h.Extend(deadline(t)))
	require.Equal(t, []uint64{2, 3, 4}, sequences(t, h, "", 0))
}
