package deadletter_test

import (
	"bytes"
	"fmt"
	"testing"

	"clients/eventstore/deadletter"
	"clients/eventstore/natstest"

	"github.com/stretchr/testify/require"
)

// PutAll stores neither a message twice nor one that is too large, and keeps the order of the others.
func TestPutAllStoresWhatItCan(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) {
			t.Parallel()
			q := onServers(t, servers)
			_, err := q.Put(deadline(t), poison(2), "unreadable", "")
			require.NoError(t, err)
			var letters []deadletter.Letter
			want := []uint64{2}
			for n := range uint64(200) {
				letters = append(letters, deadletter.Letter{Reason: "unreadable", Detail: "x", Message: poison(n + 1)})
				if n+1 != 2 && n+1 != 100 {
					want = append(want, n+1)
				}
			}
			letters[99].Message.Data = bytes.Repeat([]byte("x"), 1<<20)
			for n, stored := range q.PutAll(deadline(t), letters) {
				require.Equal(t, n+1 != 2 && n+1 != 100, stored, n+1)
			}
			for n, letter := range list(t, q) {
				require.Equal(t, want[n], letter.Message.Sequence)
			}
			require.NotContains(t, q.PutAll(deadline(t), letters), true, "none is stored twice")
			require.Len(t, list(t, q), len(want))
		})
	}
}

func TestPutAllWithoutAServerStoresNothing(t *testing.T) {
	t.Parallel()
	cluster := natstest.Run(t, 1)
	q := created(t, cluster.Connect(t, 0), 1)
	cluster.Stop(0)
	require.Equal(t, []bool{false}, q.PutAll(deadline(t), []deadletter.Letter{{Message: poison(1)}}))
}
