package eventstore

import (
	"encoding/json"
	"fmt"

	"clients/domain"
)

// member is a member of a stored body that may be absent (the zero value), null or a value.
type member[T any] struct {
	given bool
	value *T // nil for null
}

func (m *member[T]) UnmarshalJSON(data []byte) error {
	m.given = true
	return json.Unmarshal(data, &m.value)
}

// isNull reports whether the member is null.
func (m member[T]) isNull() bool { return m.given && m.value == nil }

// cleared returns the value, the zero value for null, and nil if the member is absent.
func (m member[T]) cleared() *T {
	if m.isNull() {
		return new(T)
	}
	return m.value
}

// unmarshalUpdated reads the body of a ClientUpdated. Null clears an attribute by the rules of PUT: highrise_id and details
// become empty, the symbol is derived from the currency. The other attributes cannot be null. The service itself stores null
// for highrise_id alone.
func unmarshalUpdated(data []byte) (domain.Event, error) {
	v, err := decodeJSON[struct {
		ID             int64          `json:"id"`
		Name           member[string] `json:"name"`
		HighriseID     member[int64]  `json:"highrise_id"`
		Currency       member[string] `json:"currency"`
		CurrencySymbol member[string] `json:"currency_symbol"`
		Active         member[bool]   `json:"active"`
		Details        member[string] `json:"details"`
	}](data)
	for name, null := range map[string]bool{"name": v.Name.isNull(), "currency": v.Currency.isNull(), "active": v.Active.isNull()} {
		if err == nil && null {
			err = fmt.Errorf("%s is null", name)
		}
	}
	return domain.ClientUpdated{
		ID: v.ID, Name: v.Name.value, HighriseID: v.HighriseID.cleared(), Currency: v.Currency.value,
		CurrencySymbol: v.CurrencySymbol.value, DeriveSymbol: v.CurrencySymbol.isNull(), Active: v.Active.value, Details: v.Details.cleared(),
	}, err
}
