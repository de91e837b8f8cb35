package projections_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"

	"github.com/stretchr/testify/require"
)

func TestTimesAndRevisionsAreThoseOfTheStream(t *testing.T) {
	d := newHistory(t).at("09:00:00").created("acme", 1, "One").at("10:00:00").renamed("acme", 1, "Uno").folded()
	client, _, _ := d.Client("acme", 1)
	require.Equal(t, at(t, "09:00:00"), client.CreatedAt)
	require.Equal(t, at(t, "10:00:00"), client.UpdatedAt)
	require.Equal(t, domain.Revision{Version: 2, Checksum: 1002}, client.Revision)
	require.Equal(t, uint64(1), client.CacheVersion())
	require.Equal(t, domain.Revision{Version: 2, Checksum: 1002}, d.List("acme").Revision)
}

// A poller of updated_since would otherwise miss events that a leader with a slow clock stores.
func TestTimesNeverRunBackwardsAlongTheStream(t *testing.T) {
	d := newHistory(t).at("10:00:00").created("acme", 1, "One").
		at("09:00:00").created("acme", 2, "Two").renamed("acme", 1, "Uno").folded()
	two, _, _ := d.Client("acme", 2)
	require.Equal(t, at(t, "10:00:00"), two.CreatedAt)
	require.Equal(t, []string{"Two", "Uno"}, names(d.UpdatedSince("acme", at(t, "10:00:00"))))
}

func TestTheIDOfADeletedClientIsRemembered(t *testing.T) {
	d := newHistory(t).created("acme", 5, "Five").happened("acme", domain.ClientDeleted{ID: 5}).folded()
	_, _, found := d.Client("acme", 5)
	require.False(t, found)
	require.Empty(t, names(d.List("acme")))
	require.Empty(t, names(d.UpdatedSince("acme", time.Time{})))
	require.Equal(t, int64(5), d.HighestID())
}

func TestAForeignMessageIsOnlyTheLastMessageOfItsSubject(t *testing.T) {
	d := newHistory(t).created("acme", 1, "One").foreign("acme", 1).foreign("acme", 77).foreign("acme", 1<<63-1).folded()
	state := d.State("acme", 1)
	require.Equal(t, uint64(2), state.LastSequence)
	require.Equal(t, uint64(1), state.Client.Revision.Version)
	require.Equal(t, []string{"One"}, names(d.List("acme")))
	require.Equal(t, int64(77), d.HighestID(), "no client can begin under a foreign message, and none can use up all ids")
	require.Zero(t, d.State("acme", 77))
}

func TestTheErasureOfAnUnknownClientCannotUseUpAllIDs(t *testing.T) {
	d := newHistory(t).created("acme", 1, "One").happened("acme", domain.ClientErased{ID: 77}).
		happened("acme", domain.ClientErased{ID: 1<<63 - 1}).folded()
	require.Equal(t, int64(77), d.HighestID())
	require.True(t, d.Taken(1<<63-1))
}

func TestARemovedMessageOfAnotherAccountChangesNoClient(t *testing.T) {
	h := newHistory(t).created("acme", 1, "One")
	h.records = append(h.records, eventstore.Record{
		Sequence: 2, ClientID: 1, Type: "clients.v1.ClientDeleted", Removed: true, Envelope: domain.Envelope{Account: "other"},
	})
	require.Equal(t, []string{"One"}, names(h.folded().List("acme")))
}

// Of two events of a client with one version the first counts, and nothing follows a deletion.
func TestAnEventThatItsClientHasIsForeign(t *testing.T) {
	for name, alter := range map[string]func(*eventstore.Record){
		"version repeated": func(r *eventstore.Record) { r.Version = 2 },
		"version before":   func(r *eventstore.Record) { r.Version, r.Event = 1, domain.ClientToggled{ID: 1} },
		"deletion":         func(r *eventstore.Record) { r.Version, r.Event = 1, domain.ClientDeleted{ID: 1} },
		"created again":    func(r *eventstore.Record) { r.Version, r.Event = 1, domain.ClientCreated{ID: 1, Name: "Another"} },
		"a deleted client": func(r *eventstore.Record) { r.ClientID, r.Version, r.Event = 9, 2, domain.ClientDeleted{ID: 9} },
		"a deleted client's next": func(r *eventstore.Record) {
			r.ClientID, r.Version, r.Event = 9, 3, domain.ClientToggled{ID: 9}
		},
		"a deleted client created again": func(r *eventstore.Record) {
			r.ClientID, r.Version, r.Event = 9, 1, domain.ClientCreated{ID: 9, Name: "back again"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t).created("acme", 9, "Gone").happened("acme", domain.ClientDeleted{ID: 9}).
				created("acme", 1, "One").renamed("acme", 1, "Uno").renamed("acme", 1, "Un")
			before := newHistory(t).created("acme", 9, "Gone").happened("acme", domain.ClientDeleted{ID: 9}).
				created("acme", 1, "One").renamed("acme", 1, "Uno").folded()
			alter(&h.records[4])
			d := h.folded()
			require.Equal(t, uint64(5), d.Sequence())
			require.Equal(t, uint64(1), d.Stats().Foreign)
			want := before.State("acme", 1)
			if h.records[4].ClientID == 1 {
				want.LastSequence = 5
			}
			require.Equal(t, want, d.State("acme", 1))
			require.Equal(t, before.List("acme").Revision, d.List("acme").Revision)
			require.Zero(t, d.State("acme", 9))
			require.True(t, d.Deleted(9))
			require.Equal(t, int64(9), d.HighestID())
		})
	}
}

func TestAnEventThatDoesNotFollowOnTheLastOneIsCorruption(t *testing.T) {
	for name, spoil := range map[string]func(*eventstore.Record){
		"version skipped": func(r *eventstore.Record) { r.Version = 4 },
		"created again":   func(r *eventstore.Record) { r.Event = domain.ClientCreated{ID: 1} },
		"another account": func(r *eventstore.Record) {
			r.Account, r.Version, r.Event = "beta", 1, domain.ClientCreated{ID: 1, Name: "mine, too"}
		},
		"another account's next": func(r *eventstore.Record) { r.Account = "beta" },
		"no client":              func(r *eventstore.Record) { r.ClientID = 2 },
		"no client, version 1":   func(r *eventstore.Record) { r.ClientID, r.Version = 2, 1 },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t).created("acme", 9, "Gone").happened("acme", domain.ClientDeleted{ID: 9}).
				created("acme", 1, "One").renamed("acme", 1, "Uno").renamed("acme", 1, "Un")
			spoil(&h.records[4])
			d := newDirectory(t)
			err := d.apply(h.records)
			var corrupt *eventstore.CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.Equal(t, uint64(5), corrupt.Sequence)
			require.Equal(t, uint64(4), d.Sequence(), "what came before shows")
			require.Equal(t, []string{"Uno"}, names(d.List("acme")))
			require.Empty(t, names(d.List("beta")))
			require.Zero(t, d.State("beta", 1))
		})
	}
}

// Random histories lead to the same state as in a naive model, in whatever batches they are folded.
func TestRandomHistoriesFoldAsInANaiveModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	h := newHistory(t)
	alive, last, foreign := make(map[int64]domain.Client), make(map[int64]uint64), uint64(0)
	for id := int64(0); len(h.records) < 3000; {
		h.now = h.now.Add(time.Duration(random.IntN(5)) * time.Second)
		if len(h.records) > 0 && random.IntN(10) == 0 {
			foreign++
			h.again(max(0, len(h.records)-1-random.IntN(40)))
			last[h.records[len(h.records)-1].ClientID] = uint64(len(h.records))
			continue
		}
		name := fmt.Sprintf("Name %c%c", 'A'+random.IntN(3), 'a'+random.IntN(26))
		victim := id - random.Int64N(40)
		c, living := alive[victim]
		switch {
		case !living || random.IntN(3) == 0:
			id++
			h.created("acme", id, name)
			alive[id] = domain.Client{ID: id, Name: name, UpdatedAt: h.now, CreatedAt: h.now}
		case random.IntN(3) == 0:
			h.happened("acme", domain.ClientDeleted{ID: victim})
			delete(alive, victim)
		default:
			h.renamed("acme", victim, name)
			c.Name, c.UpdatedAt = name, h.now
			alive[victim] = c
		}
		last[h.records[len(h.records)-1].ClientID] = uint64(len(h.records))
	}
	d := newDirectory(t)
	for rest := h.records; len(rest) > 0; {
		n := 1 + random.IntN(len(rest))
		require.NoError(t, d.apply(rest[:n]))
		_ = d.List("acme") // copies of the trees must not disturb what follows
		rest = rest[n:]
	}
	require.Equal(t, foreign, d.Stats().Foreign)
	for id := range alive {
		require.Equal(t, last[id], d.State("acme", id).LastSequence)
	}
	for _, since := range []time.Time{{}, h.now.Add(-time.Hour), h.now.Add(-time.Minute), h.now} {
		var want []string
		for _, c := range alive {
			if !c.UpdatedAt.Before(since) {
				want = append(want, fmt.Sprintf("%s %08d", strings.ToLower(c.Name), c.ID))
			}
		}
		slices.Sort(want)
		var got []string
		for c := range d.UpdatedSince("acme", since).Clients() {
			got = append(got, fmt.Sprintf("%s %08d", strings.ToLower(c.Name), c.ID))
		}
		require.Equal(t, want, got)
		if since.IsZero() {
			require.Len(t, names(d.List("acme")), len(want))
		}
	}
}
