package domain

// Evolve returns the client after e. It assigns only: a stored event is never judged again. Revision and times come from
// the stored record and are set by the reader of the stream.
func Evolve(c Client, e Event) Client {
	switch e := e.(type) {
	case ClientCreated:
		c.ID = e.ID
		c.Name = e.Name
		c.HighriseID = e.HighriseID
		c.Currency = e.Currency
		c.CurrencySymbol = e.CurrencySymbol
		c.Active = e.Active
		c.Details = e.Details
	case ClientUpdated:
		assign(&c.Name, e.Name)
		assign(&c.HighriseID, e.HighriseID)
		assign(&c.Currency, e.Currency)
		if e.DeriveSymbol {
			c.CurrencySymbol = CurrencySymbol(c.Currency)
		}
		assign(&c.CurrencySymbol, e.CurrencySymbol)
		assign(&c.Active, e.Active)
		assign(&c.Details, e.Details)
	case ClientToggled:
		c.Active = e.Active
	case ClientInvoiceDefaultsChanged:
		c.DefaultInvoiceTimeframe = e.DefaultInvoiceTimeframe
		c.LastInvoiceKind = e.LastInvoiceKind
	case ClientDeleted, ClientErased:
		c = Client{}
	}
	return c
}
