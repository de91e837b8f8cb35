package projections_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"clients/domain"
	"clients/eventstore"
	"clients/eventstore/snapshotstore"
	"clients/projections/references"
	"clients/projections/snapshot"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// throughSnapshot returns a directory that was restored from a snapshot of another one.
func throughSnapshot(t testing.TB, d *directory) *directory {
	t.Helper()
	defaults := references.DefaultLimits()
	return restored(t, d, defaults.EventIDs, defaults.Messages)
}

// requireSame requires that two directories return the same from every method.
func requireSame(t testing.TB, want, got *directory, when string) {
	t.Helper()
	a, b := want.Stats(), got.Stats()
	a.Foreign, b.Foreign = 0, 0 // since the start
	require.True(t, a.StoredAt.Equal(b.StoredAt))
	a.StoredAt, b.StoredAt = time.Time{}, time.Time{}
	require.Equal(t, a, b, when)
	require.Equal(t, want.HighestID(), got.HighestID(), when)
	wantView, gotView := want.View(), got.View()
	require.Equal(t, len(wantView.Accounts), len(gotView.Accounts), when)
	for _, account := range wantView.Accounts {
		name := account.Name
		require.Equal(t, want.List(name).Revision, got.List(name).Revision, when)
		require.Equal(t, names(want.List(name)), names(got.List(name)), when)
		require.Equal(t, names(want.UpdatedSince(name, time.Time{})), names(got.UpdatedSince(name, time.Time{})), when)
		for id := range want.HighestID() + 2 {
			requireSameState(t, want.State(name, id), got.State(name, id), when)
			require.Equal(t, want.Deleted(id), got.Deleted(id), when)
		}
	}
	require.Equal(t, snapshot.Digest(wantView), snapshot.Digest(gotView), when)
	require.Equal(t, maps.Collect(wantView.References.Clients()), maps.Collect(gotView.References.Clients()), when)
	for name, progress := range wantView.References.Streams() {
		for created := range progress.Generations {
			have, _ := want.Reached(name, time.Unix(0, created))
			restored, _ := got.Reached(name, time.Unix(0, created))
			require.True(t, have.StoredAt.Equal(restored.StoredAt), when)
			have.StoredAt, restored.StoredAt = time.Time{}, time.Time{}
			require.Equal(t, have, restored, when)
		}
	}
}

func requireSameState(t testing.TB, a, b domain.State, when string) {
	t.Helper()
	require.True(t, a.Client.CreatedAt.Equal(b.Client.CreatedAt) && a.Client.UpdatedAt.Equal(b.Client.UpdatedAt), when)
	for _, s := range []*domain.State{&a, &b} {
		s.Client.CreatedAt, s.Client.UpdatedAt = time.Time{}, time.Time{}
	}
	require.Equal(t, a, b, when)
}

// requireSnapshotsChangeNothing folds a history with and without a restart from a snapshot in its middle.
func requireSnapshotsChangeNothing(t testing.TB, records []eventstore.Record, random *rand.Rand) {
	t.Helper()
	cut := random.IntN(len(records) + 1)
	without := newDirectory(t)
	require.NoError(t, without.apply(records[:cut]))
	with := throughSnapshot(t, without)
	requireSame(t, without, with, fmt.Sprintf("at %d", cut))
	require.NoError(t, without.apply(records[cut:]))
	require.NoError(t, with.apply(records[cut:]))
	requireSame(t, without, with, fmt.Sprintf("after a snapshot at %d", cut))
	for _, r := range records {
		require.Equal(t, without.Time(r), with.Time(r), "of sequence %d, after a snapshot at %d", r.Sequence, cut)
	}
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

// randomClients is a history of clients of several accounts, with foreign messages between.
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
				h.foreign(account, other)
			case 4:
				h.again(random.IntN(len(h.records)))
			}
		}
	}
	return h
}

// A snapshot that is truncated or altered is refused, or the change makes no difference.
func TestADamagedSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	d := randomClients(t, random).folded()
	var written bytes.Buffer
	require.NoError(t, snapshot.Encode(&written, d.View()))
	whole := written.Bytes()
	unreadable := func(content []byte) {
		t.Helper()
		_, err := snapshot.Decode(bytes.NewReader(content))
		require.ErrorIs(t, err, snapshot.ErrUnreadable)
	}
	for n := 0; n < len(whole); n += 1 + random.IntN(40) {
		unreadable(whole[:n])
		flipped := slices.Clone(whole)
		flipped[n] ^= 1 << random.IntN(8)
		if got, err := snapshot.Decode(bytes.NewReader(flipped)); err == nil {
			requireSame(t, d, of(t, got), "a flipped bit that matters")
		} else {
			require.ErrorIs(t, err, snapshot.ErrUnreadable)
		}
	}
	unreadable(append(slices.Clone(whole), "more"...))
	unreadable([]byte(strings.Replace(string(whole), snapshotstore.Format, "clients snapshot 0\n", 1)))
}

func TestASnapshotWithAClientInTwoAccountsIsRefused(t *testing.T) {
	t.Parallel()
	d := newHistory(t).created("acme", 1, "One").folded()
	other := newHistory(t).created("beta", 1, "One").folded()
	v := d.View()
	v.Accounts = append(v.Accounts, other.View().Accounts...)
	var written bytes.Buffer
	require.NoError(t, snapshot.Encode(&written, v))
	_, err := snapshot.Decode(&written)
	require.ErrorIs(t, err, snapshot.ErrUnreadable)
}

// A snapshot is read by every release with the same Format.
func TestTheFormatOfSnapshotsIsStable(t *testing.T) {
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
	var written bytes.Buffer
	require.NoError(t, snapshot.Encode(&written, d.View()))
	require.Equal(t, inflated(t, stored), inflated(t, written.Bytes()),
		"the layout has changed: raise snapshotstore.Format, and replace the bytes here by %x", written.Bytes())
	model, err := snapshot.Decode(bytes.NewReader(stored))
	require.NoError(t, err, "written with another Format")
	got := of(t, model)
	requireSame(t, d, got, "as it was written once")
	require.Equal(t, 1, got.State("acme", 1).References.ActiveProjects)
}

// inflated returns a snapshot without its compression.
func inflated(t testing.TB, content []byte) []byte {
	t.Helper()
	r, err := zstd.NewReader(bytes.NewReader(content[len(snapshotstore.Format):]))
	require.NoError(t, err)
	defer r.Close()
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return plain
}

const snapshotV1 = "636c69656e747320736e617073686f7420310a28b52ffd0400650400e407058080a9fe8d88a9f518020102010461636d6504ec07" +
	"01010402ec070001080053757072436f7270000a4575726f202d2045555200000200047461736b010850524f4a454354530101720180e4d8e4a1de" +
	"b2c3180100090770726f6a656374000461636d650701010101090109010901c0cb87b0c889f6b1af0100a1bd010400fb6280a5043e4b6051baac41ccb7"
