package domain

import "cmp"

// Decide returns the event that cmd leads to, given its client and the references to it. It returns nil if nothing would
// change, and an *Error if the command is refused.
func Decide(c Client, r References, cmd Command) (Event, error) {
	event, err := decide(c, cmd)
	if err != nil || event == nil {
		return nil, err
	}
	if err := r.allow(event); err != nil {
		return nil, err
	}
	return event, nil
}

func decide(c Client, cmd Command) (Event, error) {
	if create, ok := cmd.(CreateClient); ok {
		if c.Exists() {
			return nil, ErrConflict
		}
		return decideCreate(create)
	}
	if !c.Exists() {
		return nil, ErrNotFound
	}
	switch cmd := cmd.(type) {
	case UpdateClient:
		return decideUpdate(c, cmd.Attributes)
	case ToggleClient:
		return ClientToggled{ID: c.ID, Active: !c.Active}, nil
	case DeleteClient:
		return ClientDeleted{ID: c.ID}, nil
	case FollowInvoice:
		return decideInvoiceDefaults(c, cmd)
	}
	return nil, Errorf(Invalid, "Unknown command.")
}

func decideCreate(cmd CreateClient) (Event, error) {
	d := cmd.Attributes
	if d.Name == nil {
		return nil, Errorf(Invalid, "Name can't be blank.")
	}
	if d.Currency == nil || *d.Currency == "" {
		d.Currency = &cmd.DefaultCurrency
	}
	if err := validate(d); err != nil {
		return nil, err
	}
	symbol := CurrencySymbol(*d.Currency)
	assign(&symbol, d.CurrencySymbol)
	e := ClientCreated{ID: cmd.ID, Currency: *d.Currency, CurrencySymbol: symbol, Active: true}
	assign(&e.Name, d.Name)
	assign(&e.HighriseID, d.HighriseID)
	assign(&e.Active, d.Active)
	assign(&e.Details, d.Details)
	return e, nil
}

func decideUpdate(c Client, d ClientAttributes) (Event, error) {
	if err := validate(d); err != nil {
		return nil, err
	}
	e := ClientUpdated{
		ID:         c.ID,
		Name:       changed(c.Name, d.Name),
		HighriseID: changed(c.HighriseID, d.HighriseID),
		Currency:   changed(c.Currency, d.Currency),
		Active:     changed(c.Active, d.Active),
		Details:    changed(c.Details, d.Details),
	}
	if d.CurrencySymbol == nil && (d.DeriveSymbol || e.Currency != nil) {
		currency := c.Currency
		assign(&currency, e.Currency)
		symbol := CurrencySymbol(currency)
		d.CurrencySymbol = &symbol
	}
	e.CurrencySymbol = changed(c.CurrencySymbol, d.CurrencySymbol)
	if e == (ClientUpdated{ID: c.ID}) {
		return nil, nil
	}
	return e, nil
}

func decideInvoiceDefaults(c Client, cmd FollowInvoice) (Event, error) {
	if err := cmd.Validate(); err != nil {
		return nil, err
	}
	e := ClientInvoiceDefaultsChanged{
		ID:                      c.ID,
		DefaultInvoiceTimeframe: cmp.Or(cmd.Timeframe, c.DefaultInvoiceTimeframe),
		LastInvoiceKind:         cmp.Or(cmd.Kind, c.LastInvoiceKind),
	}
	if e.DefaultInvoiceTimeframe == c.DefaultInvoiceTimeframe && e.LastInvoiceKind == c.LastInvoiceKind {
		return nil, nil
	}
	return e, nil
}

// changed returns want if it differs from have, else nil.
func changed[T comparable](have T, want *T) *T {
	if want == nil || *want == have {
		return nil
	}
	return want
}

// assign sets *to if a value is given.
func assign[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}
