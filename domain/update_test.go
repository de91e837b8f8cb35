package domain_test

import (
	"testing"

	"clients/domain"

	"github.com/stretchr/testify/require"
)

func TestUpdateClient(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		attributes domain.ClientAttributes
		want       domain.ClientUpdated
	}{
		"changes the name":             {domain.ClientAttributes{Name: new("Other")}, domain.ClientUpdated{Name: new("Other")}},
		"changes the highrise-id":      {domain.ClientAttributes{HighriseID: new(int64(7))}, domain.ClientUpdated{HighriseID: new(int64(7))}},
		"clears the highrise-id":       {domain.ClientAttributes{HighriseID: new(int64(0))}, domain.ClientUpdated{HighriseID: new(int64(0))}},
		"deactivates":                  {domain.ClientAttributes{Active: new(false)}, domain.ClientUpdated{Active: new(false)}},
		"changes the details":          {domain.ClientAttributes{Details: new("b")}, domain.ClientUpdated{Details: new("b")}},
		"empties the details":          {domain.ClientAttributes{Details: new("")}, domain.ClientUpdated{Details: new("")}},
		"changes the symbol alone":     {domain.ClientAttributes{CurrencySymbol: new("US$")}, domain.ClientUpdated{CurrencySymbol: new("US$")}},
		"empties the symbol":           {domain.ClientAttributes{CurrencySymbol: new("")}, domain.ClientUpdated{CurrencySymbol: new("")}},
		"is case-sensitive":            {domain.ClientAttributes{Name: new("SUPRCORP")}, domain.ClientUpdated{Name: new("SUPRCORP")}},
		"leaves out what is unchanged": {domain.ClientAttributes{Name: new("SuprCorp"), Active: new(false)}, domain.ClientUpdated{Active: new(false)}},
		"derives the symbol when the currency changes": {
			domain.ClientAttributes{Currency: new("Euro - EUR")},
			domain.ClientUpdated{Currency: new("Euro - EUR"), CurrencySymbol: new("€")},
		},
		"empties the symbol when the currency changes to an unknown one": {
			domain.ClientAttributes{Currency: new("Shells")},
			domain.ClientUpdated{Currency: new("Shells"), CurrencySymbol: new("")},
		},
		"leaves out the derived symbol when it does not change": {
			domain.ClientAttributes{Currency: new("Canadian Dollars - CAD")},
			domain.ClientUpdated{Currency: new("Canadian Dollars - CAD")},
		},
		"keeps a symbol that is given with a new currency": {
			domain.ClientAttributes{Currency: new("Euro - EUR"), CurrencySymbol: new("$")},
			domain.ClientUpdated{Currency: new("Euro - EUR")},
		},
		"derives a null symbol from the new currency": {
			domain.ClientAttributes{Currency: new("Euro - EUR"), DeriveSymbol: true},
			domain.ClientUpdated{Currency: new("Euro - EUR"), CurrencySymbol: new("€")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.ID = created.ID
			given(created).when(update(c.attributes)).then(t, c.want)
		})
	}
}

func TestUpdateClientThatChangesNothing(t *testing.T) {
	t.Parallel()
	for name, attributes := range map[string]domain.ClientAttributes{
		"names nothing":                         {},
		"names the same name":                   {Name: new("SuprCorp")},
		"names the same currency":               {Currency: new(dollars)},
		"derives the same symbol":               {DeriveSymbol: true},
		"activates an active client":            {Active: new(true)},
		"names the same details":                {Details: new("123 Main St.")},
		"sends the whole object back unchanged": whole(fold([]domain.Event{created})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given(created).when(update(attributes)).thenNothing(t)
		})
	}
	t.Run("clears a highrise-id that is null", func(t *testing.T) {
		t.Parallel()
		cleared := domain.ClientUpdated{ID: created.ID, HighriseID: new(int64(0))}
		given(created, cleared).when(update(domain.ClientAttributes{HighriseID: new(int64(0))})).thenNothing(t)
	})
}

func TestUpdateClientKeepsAChosenSymbol(t *testing.T) {
	t.Parallel()
	chosen := domain.ClientUpdated{ID: created.ID, CurrencySymbol: new("US$")}
	t.Run("when the currency is named but does not change", func(t *testing.T) {
		t.Parallel()
		given(created, chosen).when(update(domain.ClientAttributes{Currency: new(dollars)})).thenNothing(t)
	})
	t.Run("when the whole object comes back with another name", func(t *testing.T) {
		t.Parallel()
		attributes := whole(fold([]domain.Event{created, chosen}))
		attributes.Name = new("Other")
		given(created, chosen).when(update(attributes)).then(t, domain.ClientUpdated{ID: created.ID, Name: new("Other")})
	})
	t.Run("until the symbol is named as null", func(t *testing.T) {
		t.Parallel()
		given(created, chosen).when(update(domain.ClientAttributes{DeriveSymbol: true})).
			then(t, domain.ClientUpdated{ID: created.ID, CurrencySymbol: new("$")})
	})
	t.Run("until the currency changes", func(t *testing.T) {
		t.Parallel()
		given(created, chosen).when(update(domain.ClientAttributes{Currency: new("Canadian Dollars - CAD")})).
			then(t, domain.ClientUpdated{
				ID: created.ID, Currency: new("Canadian Dollars - CAD"), CurrencySymbol: new("$"),
			})
	})
}

func TestUpdateClientReachesWhatItNames(t *testing.T) {
	t.Parallel()
	after := given(created).when(update(domain.ClientAttributes{Name: new("Other"), Currency: new("Euro - EUR")})).state(t)
	require.Equal(t, domain.Client{
		ID: 11072, Name: "Other", HighriseID: 568902, Currency: "Euro - EUR", CurrencySymbol: "€", Active: true,
		Details: "123 Main St.",
	}, after)
}

func TestUpdateClientIsRefusedWithoutAClient(t *testing.T) {
	t.Parallel()
	given().when(update(domain.ClientAttributes{Name: new("A")})).thenRefused(t, domain.NotFound)
	given().when(update(domain.ClientAttributes{Name: new("")})).thenRefused(t, domain.NotFound)
	given(created, domain.ClientDeleted{ID: created.ID}).when(update(domain.ClientAttributes{})).thenRefused(t, domain.NotFound)
}

// whole returns the attributes of a caller that sends the whole object back.
func whole(c domain.Client) domain.ClientAttributes {
	return domain.ClientAttributes{
		Name: &c.Name, HighriseID: &c.HighriseID, Currency: &c.Currency, CurrencySymbol: &c.CurrencySymbol,
		Active: &c.Active, Details: &c.Details,
	}
}
