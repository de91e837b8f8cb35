package lists_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"clients/domain"
	"clients/projections/readmodel"
	"clients/transport/lists"
	"clients/transport/wire"

	"github.com/stretchr/testify/require"
)

// listing is the list of an account of ten clients with 100 KiB of details each.
func listing(t *testing.T, version uint64) readmodel.Listing {
	t.Helper()
	return listingOf(t, version, 10)
}

func listingOf(t *testing.T, version uint64, clients int64) readmodel.Listing {
	t.Helper()
	var entries []*readmodel.Entry
	for id := range clients {
		details := strings.Repeat(fmt.Sprint(version%10), 100<<10)
		entries = append(entries, readmodel.NewEntry(domain.Client{ID: id + 1, Name: fmt.Sprintf("Client %d", id), Details: details}, 1))
	}
	m := readmodel.NewModel()
	require.NoError(t, m.RestoreAccount("default", domain.Revision{Version: version}, entries))
	return m.List("default")
}

// get reads a list, and requires that it is right. It returns its first chunk, not a copy.
func get(t *testing.T, k *lists.Kept, account string, l readmodel.Listing, e *wire.Encoding) []byte {
	t.Helper()
	var want bytes.Buffer
	require.NoError(t, lists.Write(&want, l, e))
	var first, all []byte
	var ended bool
	for chunk, last := range k.Chunks(account, l, e) {
		require.False(t, ended, "the last chunk is the last")
		if ended = last; first == nil {
			first = chunk
		}
		all = append(all, chunk...)
	}
	require.True(t, ended)
	require.Equal(t, want.Bytes(), all)
	return first
}

// isKept reports whether the next two readers of a list get the same bytes in memory.
func isKept(t *testing.T, k *lists.Kept, l readmodel.Listing) bool {
	t.Helper()
	a, b := get(t, k, "default", l, wire.XML), get(t, k, "default", l, wire.XML)
	return &a[0] == &b[0]
}

func TestAListIsKeptWhenItIsReadTwice(t *testing.T) {
	k := lists.NewKept(16 << 20)
	for version := range uint64(8) {
		l := listing(t, version+1)
		require.False(t, isKept(t, k, l), "only the second reader keeps it")
		require.True(t, isKept(t, k, l))
		get(t, k, "default", l, wire.JSON)
		get(t, k, "another", listing(t, version+1), wire.XML)
		require.True(t, isKept(t, k, l), "beside others")
	}
}

func TestAListForWhichThereIsNoRoomIsNotKept(t *testing.T) {
	k := lists.NewKept(900 << 10)
	l := listing(t, 1)
	for range 3 {
		require.False(t, isKept(t, k, l))
	}
}

func TestAReaderThatLeavesKeepsNothing(t *testing.T) {
	k, l := lists.NewKept(1100<<10), listing(t, 1)
	for range 10 { // with room for one list
		for range k.Chunks("default", l, wire.XML) {
			break
		}
	}
	require.False(t, isKept(t, k, l))
	require.True(t, isKept(t, k, l))
}

// No reader keeps a list from being kept for others.
func TestReadersThatStopOrPanicHoldNothingUp(t *testing.T) {
	k, l := lists.NewKept(1100<<10), listing(t, 1)
	get(t, k, "default", l, wire.XML)
	for range k.Chunks("default", l, wire.XML) {
		require.True(t, isKept(t, k, l))
		break
	}
	for version := range uint64(3) {
		l := listing(t, version+2)
		for range 3 {
			require.Panics(t, func() {
				for _, last := range k.Chunks("default", l, wire.XML) {
					if last {
						panic(http.ErrAbortHandler)
					}
				}
			})
		}
		require.True(t, isKept(t, k, l))
	}
}

// A list that is larger than the room, and one whose former version is still sent, take the room of no other.
func TestListsThatCannotBeKeptDropNoOthers(t *testing.T) {
	k, other, large := lists.NewKept(2200<<10), listing(t, 1), listingOf(t, 1, 30)
	require.False(t, isKept(t, k, other))
	get(t, k, "changed", other, wire.XML)
	for range k.Chunks("changed", other, wire.XML) {
		changed := listing(t, 2)
		for range 9 {
			get(t, k, "large", large, wire.XML)
			get(t, k, "changed", changed, wire.XML)
		}
		break
	}
	require.True(t, isKept(t, k, other))
}

// The room of a list that is being read is not free.
func TestAListThatIsNoLongerKeptCountsWhileItIsRead(t *testing.T) {
	k, l := lists.NewKept(1100<<10), listing(t, 1)
	isKept(t, k, l)
	for range k.Chunks("default", l, wire.XML) {
		l = listing(t, 2)
		for range 3 {
			require.False(t, isKept(t, k, l))
		}
		break
	}
	require.True(t, isKept(t, k, l))
}
