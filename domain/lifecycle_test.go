package domain_test

import (
	"testing"
	"time"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

func TestToggleClient(t *testing.T) {
	t.Parallel()
	off := domain.ClientToggled{ID: created.ID, Active: false}
	on := domain.ClientToggled{ID: created.ID, Active: true}
	deleted := domain.ClientDeleted{ID: created.ID}

	given(created).when(domain.ToggleClient{}).then(t, off)
	given(created, off).when(domain.ToggleClient{}).then(t, on)
	given(created, off, on).when(domain.ToggleClient{}).then(t, off)
	given(created, domain.ClientUpdated{ID: created.ID, Active: new(false)}).when(domain.ToggleClient{}).then(t, on)
	given().when(domain.ToggleClient{}).thenRefused(t, domain.NotFound)
	given(created, deleted).when(domain.ToggleClient{}).thenRefused(t, domain.NotFound)
}

func TestDeleteClient(t *testing.T) {
	t.Parallel()
	deleted := domain.ClientDeleted{ID: created.ID}

	given(created).when(domain.DeleteClient{}).then(t, deleted)
	given(created, domain.ClientToggled{ID: created.ID}).when(domain.DeleteClient{}).then(t, deleted)
	given().when(domain.DeleteClient{}).thenRefused(t, domain.NotFound)
	given(created, deleted).when(domain.DeleteClient{}).thenRefused(t, domain.NotFound)
	require.False(t, given(created).when(domain.DeleteClient{}).state(t).Exists())
}

func TestDecideRefusesUnknownCommands(t *testing.T) {
	t.Parallel()
	given(created).when((*domain.ToggleClient)(nil)).thenRefused(t, domain.Invalid)
}

func TestEvolveDoesNotValidate(t *testing.T) {
	t.Parallel()
	state := fold([]domain.Event{
		created,
		domain.ClientInvoiceDefaultsChanged{ID: created.ID, DefaultInvoiceTimeframe: "20110101,20111231", LastInvoiceKind: "task"},
		domain.ClientUpdated{ID: created.ID, Name: new(""), HighriseID: new(int64(-1))},
		domain.ClientToggled{ID: created.ID, Active: true},
	})
	require.Equal(t, domain.Client{
		ID: 11072, HighriseID: -1, Currency: dollars, CurrencySymbol: "$", Active: true, Details: "123 Main St.",
		DefaultInvoiceTimeframe: "20110101,20111231", LastInvoiceKind: "task",
	}, state)

	state = domain.Evolve(state, domain.ClientInvoiceDefaultsChanged{ID: created.ID})
	require.Empty(t, state.DefaultInvoiceTimeframe)
	require.Empty(t, state.LastInvoiceKind)
}

func TestEvolveDoesNotSetRevisionAndTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2008, 4, 9, 12, 7, 56, 0, time.UTC)
	before := domain.Client{ID: 1, Revision: domain.Revision{Version: 3, Checksum: 7}, CreatedAt: at, UpdatedAt: at}
	after := domain.Evolve(before, domain.ClientUpdated{ID: 1, Name: new("A")})
	require.Equal(t, "A", after.Name)
	after.Name = ""
	require.Equal(t, before, after)
}

func TestEveryEventNamesItsClient(t *testing.T) {
	t.Parallel()
	for _, e := range []domain.Event{
		domain.ClientCreated{ID: 42}, domain.ClientUpdated{ID: 42}, domain.ClientToggled{ID: 42},
		domain.ClientInvoiceDefaultsChanged{ID: 42}, domain.ClientDeleted{ID: 42},
	} {
		require.Equal(t, int64(42), e.Client(), "%T", e)
	}
}

func TestCacheVersionIsZeroAtCreationAndGrowsWithEveryEvent(t *testing.T) {
	t.Parallel()
	for version, want := range map[uint64]uint64{1: 0, 2: 1, 43: 42} {
		c := domain.Client{ID: 1, Revision: domain.Revision{Version: version}}
		require.Equal(t, want, c.CacheVersion())
	}
}

func TestExists(t *testing.T) {
	t.Parallel()
	require.False(t, domain.Client{}.Exists())
	require.True(t, fold([]domain.Event{created}).Exists())
	require.False(t, fold([]domain.Event{created, domain.ClientDeleted{ID: created.ID}}).Exists())
}
