package projections_test

import (
	"fmt"
	"runtime"
	"testing"

	"clients/domain"
	"clients/projections/readmodel"

	"github.com/stretchr/testify/require"
)

func TestAListIsOrderedByNameWithoutRegardToCaseThenByID(t *testing.T) {
	d := newHistory(t).
		created("acme", 1, "beta").created("acme", 2, "Alpha").created("acme", 3, "ALPHA").created("acme", 4, "Çelik").
		created("acme", 5, "alpha").created("other", 6, "Aaron").renamed("acme", 1, "Zeta").folded()
	require.Equal(t, []string{"Alpha", "ALPHA", "alpha", "Zeta", "Çelik"}, names(d.List("acme")))
	require.Equal(t, []string{"Aaron"}, names(d.List("other")))
	require.Empty(t, names(d.List("nobody")))
}

func TestUpdatedSinceIsInclusive(t *testing.T) {
	d := newHistory(t).
		at("09:00:00").created("acme", 1, "One").created("acme", 2, "Two").
		at("10:00:00").created("acme", 3, "Three").created("other", 4, "Four").
		at("11:00:00").renamed("acme", 1, "Uno").folded()
	for clock, want := range map[string][]string{
		"08:00:00": {"Three", "Two", "Uno"},
		"09:00:00": {"Three", "Two", "Uno"},
		"09:00:01": {"Three", "Uno"},
		"10:00:00": {"Three", "Uno"},
		"10:00:01": {"Uno"},
		"11:00:00": {"Uno"},
		"11:00:01": {},
	} {
		require.Equal(t, want, names(d.UpdatedSince("acme", at(t, clock))), clock)
	}
}

// Readers who take a long time share what the account holds, also where nearly all clients are new.
func TestUpdatedSinceTakesLittleMemoryForManyClients(t *testing.T) {
	const n = 40_000
	h := newHistory(t).at("09:00:00")
	for id := range int64(n) {
		if id == n/4 {
			h.at("10:00:00")
		}
		h.created("acme", id+1, fmt.Sprint("Client ", id*7919%n))
	}
	d := h.folded()
	later := at(t, "10:00:00")
	want := []string{}
	for c := range d.List("acme").Clients() {
		if !c.UpdatedAt.Before(later) {
			want = append(want, c.Name)
		}
	}
	require.Len(t, want, n-n/4)
	listing := d.UpdatedSince("acme", later)
	require.Equal(t, want, names(listing))
	require.Equal(t, len(want), listing.Len)
	for c := range listing.Clients() {
		require.Equal(t, want[0], c.Name)
		break
	}
	before, listings := heapInUse(), make([]readmodel.Listing, 50)
	for i := range listings {
		listings[i] = d.UpdatedSince("acme", later)
	}
	require.Less(t, heapInUse()-before, float64(len(listings)*200<<10))
	runtime.KeepAlive(listings)
	runtime.KeepAlive(d)
}

// A listing shows one state, however long it takes to read.
func TestAListingShowsOneState(t *testing.T) {
	h := newHistory(t).created("acme", 1, "One").created("acme", 2, "Two")
	d := h.folded()
	all, recent := d.List("acme"), d.UpdatedSince("acme", at(t, "00:00:00"))
	revision := all.Revision
	seen := len(h.records)
	h.renamed("acme", 1, "Zebra").created("acme", 3, "Three").happened("acme", domain.ClientDeleted{ID: 2})
	require.NoError(t, d.apply(h.records[seen:]))
	require.Equal(t, []string{"One", "Two"}, names(all))
	require.Equal(t, []string{"One", "Two"}, names(recent))
	require.Equal(t, []string{"Three", "Zebra"}, names(d.List("acme")))
	require.NotEqual(t, revision, d.List("acme").Revision)
}

func TestAnAccountSeesOnlyItsOwnClients(t *testing.T) {
	d := newHistory(t).created("acme", 1, "One").folded()
	client, _, found := d.Client("acme", 1)
	require.True(t, found)
	require.Equal(t, "One", client.Name)
	_, _, found = d.Client("other", 1)
	require.False(t, found)
}

func TestStatsCountClientsAndForeignMessages(t *testing.T) {
	d := newHistory(t).created("acme", 1, "One").created("other", 2, "Two").foreign("acme", 9).
		happened("acme", domain.ClientDeleted{ID: 1}).at("12:00:00").foreign("", 0).folded()
	require.Equal(t, readmodel.Stats{Sequence: 5, StoredAt: at(t, "12:00:00"), Clients: 1, Foreign: 2}, d.Stats())
	require.Equal(t, int64(9), d.HighestID())
}
