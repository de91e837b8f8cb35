package projections

import (
	"bytes"
	"encoding/hex"
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

// throughSnapshot is a directory that was restored from what another one has written.
func throughSnapshot(t testing.TB, d *Directory) *Directory {
	t.Helper()
	var written bytes.Buffer
	require.NoError(t, d.Snapshot().Write(&written))
	restored := quietDirectory(noStream{})
	require.NoError(t, restored.Restore(&written))
	return restored
}

// requireSame requires that two directories answer the same to every question.
func requireSame(t testing.TB, want, got *Directory, told string) {
	t.Helper()
	a, b := want.Stats(), got.Stats()
	a.Strays, b.Strays = 0, 0 // since the start
	require.True(t, a.StoredAt.Equal(b.StoredAt))
	a.StoredAt, b.StoredAt = time.Time{}, time.Time{}
	require.Equal(t, a, b, told)
	require.Equal(t, want.HighestID(), got.HighestID(), told)
	require.Equal(t, len(want.accounts), len(got.accounts), told)
	for name := range want.accounts {
		require.Equal(t, want.List(name).Revision, got.List(name).Revision, told)
		require.Equal(t, names(want.List(name)), names(got.List(name)), told)
		require.Equal(t, names(want.UpdatedSince(name, time.Time{})), names(got.UpdatedSince(name, time.Time{})), told)
		for id := range want.HighestID() + 2 {
			requireSameState(t, want.State(name, id), got.State(name, id), told)
			require.Equal(t, want.Deleted(id), got.Deleted(id), told)
		}
	}
	require.Equal(t, want.Snapshot().digest(), got.Snapshot().digest(), told)
	requireSameReferences(t, want, got, told)
	for name, r := range want.references.streams {
		for created := range r.incarnations {
			have, _ := want.Reached(name, time.Unix(0, created))
			restored, _ := got.Reached(name, time.Unix(0, created))
			require.True(t, have.StoredAt.Equal(restored.StoredAt), told)
			have.StoredAt, restored.StoredAt = time.Time{}, time.Time{}
			require.Equal(t, have, restored, told)
		}
	}
}

// requireSameReferences requires that two directories hold the same of projects and invoices, also what is no longer there.
func requireSameReferences(t testing.TB, want, got *Directory, told string) {
	t.Helper()
	for scope := range want.references.things {
		require.Equal(t, want.references.tree(scope).Items(), got.references.tree(scope).Items(), told)
	}
	keys, values := want.references.held.KeyValues()
	restoredKeys, restoredValues := got.references.held.KeyValues()
	require.Equal(t, keys, restoredKeys, told)
	require.Equal(t, values, restoredValues, told)
}

func requireSameState(t testing.TB, a, b domain.State, told string) {
	t.Helper()
	require.True(t, a.Client.CreatedAt.Equal(b.Client.CreatedAt) && a.Client.UpdatedAt.Equal(b.Client.UpdatedAt), told)
	for _, s := range []*domain.State{&a, &b} {
		s.Client.CreatedAt, s.Client.UpdatedAt = time.Time{}, time.Time{}
	}
	require.Equal(t, a, b, told)
}

// requireSnapshotsChangeNothing folds a history with and without a restart from a snapshot in its middle.
func requireSnapshotsChangeNothing(t testing.TB, records []eventstore.Record, random *rand.Rand) {
	t.Helper()
	cut := random.IntN(len(records) + 1)
	without := quietDirectory(noStream{})
	require.NoError(t, without.apply(records[:cut]))
	with := throughSnapshot(t, without)
	requireSame(t, without, with, fmt.Sprintf("at %d", cut))
	require.NoError(t, without.apply(records[cut:]))
	require.NoError(t, with.apply(records[cut:]))
	requireSame(t, without, with, fmt.Sprintf("after a snapshot at %d", cut))
}

func TestASnapshotChangesNothing(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, round))
		requireSnapshotsChangeNothing(t, randomClients(t, random).records, random)
	}
	requireSnapshotsChangeNothing(t, nil, rand.New(rand.NewPCG(seed, 0)))
}

// randomClients is a history of clients of several accounts, with stray messages between.
func randomClients(t testing.TB, random *rand.Rand) *history {
	h := newHistory(t)
	living := map[int64]string{}
	for id := int64(1); id < 60; id++ {
		account := []string{"acme", "globex", "default"}[random.IntN(3)]
		h.now = h.now.Add(time.Duration(random.IntN(2000)-200) * time.Millisecond)
		h.happened(account, domain.ClientCreated{
			ID: id, Name: strings.Repeat("Ä", random.IntN(3)) + fmt.Sprintf("Client %d", random.IntN(20)), HighriseID: random.Int64N(2) * id,
			Currency: []string{"Euro - EUR", "Shells"}[random.IntN(2)], Active: random.IntN(2) == 0, Details: strings.Repeat("x", random.IntN(300)),
		})
		living[id] = account
		for other, account := range living {
			switch random.IntN(40) {
			case 0:
				h.happened(account, domain.ClientDeleted{ID: other})
				delete(living, other)
			case 1:
				h.happened(account, domain.ClientInvoiceDefaultsChanged{ID: other, LastInvoiceKind: "task", DefaultInvoiceTimeframe: "20110101,20111231"})
			case 2:
				h.renamed(account, other, fmt.Sprintf("Renamed %d", random.IntN(9)))
			case 3:
				h.stray(account, other)
			}
		}
	}
	return h
}

// What is cut or altered is either told, or makes no difference.
func TestADamagedSnapshotIsNotBelieved(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	d := randomClients(t, random).folded()
	var written bytes.Buffer
	require.NoError(t, d.Snapshot().Write(&written))
	whole := written.Bytes()
	for n := 0; n < len(whole); n += 1 + random.IntN(40) {
		cut := quietDirectory(noStream{})
		require.ErrorIs(t, cut.Restore(bytes.NewReader(whole[:n])), ErrSnapshot)
		require.Zero(t, cut.Stats())

		flipped := slices.Clone(whole)
		flipped[n] ^= 1 << random.IntN(8)
		got := quietDirectory(noStream{})
		if err := got.Restore(bytes.NewReader(flipped)); err == nil {
			requireSame(t, d, got, "a flipped bit that matters")
		} else {
			require.ErrorIs(t, err, ErrSnapshot)
			require.Zero(t, got.Stats())
		}
	}
	require.ErrorIs(t, quietDirectory(noStream{}).Restore(bytes.NewReader(append(slices.Clone(whole), "more"...))), ErrSnapshot)
	require.ErrorIs(t, quietDirectory(noStream{}).Restore(strings.NewReader(strings.Replace(string(whole), "snapshot 1", "snapshot 2", 1))), ErrSnapshot)
}

func TestASnapshotWithAClientInTwoAccountsIsNotBelieved(t *testing.T) {
	t.Parallel()
	d := newHistory(t).created("acme", 1, "One").folded()
	other := newHistory(t).created("beta", 1, "One").folded()
	s := d.Snapshot()
	s.accounts = append(s.accounts, other.Snapshot().accounts...)
	var written bytes.Buffer
	require.NoError(t, s.Write(&written))
	require.ErrorIs(t, quietDirectory(noStream{}).Restore(&written), ErrSnapshot)
}

// A snapshot that some release has written is read by every later one.
func TestTheFormOfSnapshotsStays(t *testing.T) {
	t.Parallel()
	h := newHistory(t).at("10:00:00")
	h.created("acme", 1, "SuprCorp").created("acme", 2, "Gone").happened("acme", domain.ClientDeleted{ID: 2})
	h.happened("acme", domain.ClientInvoiceDefaultsChanged{ID: 1, LastInvoiceKind: "task"})
	d := h.folded()
	active := true
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	require.NoError(t, d.apply([]eventstore.Record{{Sequence: 5, StoredAt: h.now, Reference: &domain.ReferenceEvent{
		Source: domain.Position{Stream: "PROJECTS", Created: created, Sequence: 9}, StoredAt: created, EventID: "e", Account: "acme", Subject: 1,
		Kind: domain.Project, Operation: domain.Created, ID: 7, ClientID: 1, Active: &active, Replica: "r",
	}}}))
	stored, err := hex.DecodeString(snapshotV1)
	require.NoError(t, err)
	got := quietDirectory(noStream{})
	require.NoError(t, got.Restore(bytes.NewReader(stored)))
	requireSame(t, d, got, "as it was written once")
	require.Equal(t, 1, got.State("acme", 1).References.ActiveProjects)
}

const snapshotV1 = "636c69656e747320736e617073686f7420310a28b52ffd0400650400e407058080a9fe8d88a9f518020102010461636d6504ec07" +
	"01010402ec070001080053757072436f7270000a4575726f202d2045555200000200047461736b010850524f4a454354530101720180e4d8e4a1de" +
	"b2c3180100090770726f6a656374000461636d650701010101090109010901c0cb87b0c889f6b1af0100a1bd010400fb6280a5043e4b6051baac41ccb7"
