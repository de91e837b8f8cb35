package domain_test

import (
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

func TestCreateClient(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		attributes domain.ClientAttributes
		want       domain.ClientCreated
	}{
		"needs a name alone": {
			domain.ClientAttributes{Name: new("Company LLC")},
			domain.ClientCreated{ID: 11072, Name: "Company LLC", Currency: dollars, CurrencySymbol: "$", Active: true},
		},
		"takes every attribute that can be written": {
			domain.ClientAttributes{
				Name: new("Company LLC"), HighriseID: new(int64(110011)), Currency: new("Euro - EUR"),
				CurrencySymbol: new("EUR"), Active: new(false), Details: new("123 Main St.\nThird Floor"),
			},
			domain.ClientCreated{
				ID: 11072, Name: "Company LLC", HighriseID: 110011, Currency: "Euro - EUR", CurrencySymbol: "EUR",
				Details: "123 Main St.\nThird Floor",
			},
		},
		"derives the symbol of the currency if none is given": {
			domain.ClientAttributes{Name: new("A"), Currency: new("Euro - EUR")},
			domain.ClientCreated{ID: 11072, Name: "A", Currency: "Euro - EUR", CurrencySymbol: "€", Active: true},
		},
		"derives the symbol of the currency if it is null": {
			domain.ClientAttributes{Name: new("A"), Currency: new("Euro - EUR"), DeriveSymbol: true},
			domain.ClientCreated{ID: 11072, Name: "A", Currency: "Euro - EUR", CurrencySymbol: "€", Active: true},
		},
		"keeps a given symbol that is empty": {
			domain.ClientAttributes{Name: new("A"), CurrencySymbol: new("")},
			domain.ClientCreated{ID: 11072, Name: "A", Currency: dollars, Active: true},
		},
		"leaves the symbol of an unknown currency empty": {
			domain.ClientAttributes{Name: new("A"), Currency: new("Shells - XQQ")},
			domain.ClientCreated{ID: 11072, Name: "A", Currency: "Shells - XQQ", Active: true},
		},
		"uses the default for an empty currency": {
			domain.ClientAttributes{Name: new("A"), Currency: new("")},
			domain.ClientCreated{ID: 11072, Name: "A", Currency: dollars, CurrencySymbol: "$", Active: true},
		},
		"takes a null highrise-id": {
			domain.ClientAttributes{Name: new("A"), HighriseID: new(int64(0))},
			domain.ClientCreated{ID: 11072, Name: "A", Currency: dollars, CurrencySymbol: "$", Active: true},
		},
		"keeps the blanks around a name": {
			domain.ClientAttributes{Name: new(" A\t")},
			domain.ClientCreated{ID: 11072, Name: " A\t", Currency: dollars, CurrencySymbol: "$", Active: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given().when(create(c.attributes)).then(t, c.want)
		})
	}
}

func TestCreateClientIsRefused(t *testing.T) {
	t.Parallel()
	t.Run("without a name", func(t *testing.T) {
		t.Parallel()
		message := given().when(create(domain.ClientAttributes{Details: new("nameless")})).thenRefused(t, domain.Invalid)
		require.Equal(t, "Name can't be blank.", message)
	})
	t.Run("under an id that is taken", func(t *testing.T) {
		t.Parallel()
		given(created).when(create(domain.ClientAttributes{Name: new("Other")})).thenRefused(t, domain.Conflict)
	})
	t.Run("when the default currency is invalid", func(t *testing.T) {
		t.Parallel()
		given().when(domain.CreateClient{ID: 1, Attributes: domain.ClientAttributes{Name: new("A")}}).thenRefused(t, domain.Invalid)
	})
}

func TestCreateClientDoesNotChangeItsAttributes(t *testing.T) {
	t.Parallel()
	attributes := domain.ClientAttributes{Name: new("A")}
	given().when(create(attributes)).state(t)
	require.Equal(t, domain.ClientAttributes{Name: new("A")}, attributes)
}
