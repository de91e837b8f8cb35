package domain

// Evolve answers with the state that e leads to from c. It assigns and nothing else: what is stored has happened,
// and is never judged again. Revision and times belong to the record of the event, and are set by who reads it.
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
		assign(&c.CurrencySymbol, e.CurrencySymbol)
		assign(&c.Active, e.Active)
		assign(&c.Details, e.Details)
	case ClientToggled:
		c.Active = e.Active
	case ClientInvoiceDefaultsChanged:
		c.DefaultInvoiceTimeframe = e.DefaultInvoiceTimeframe
		c.LastInvoiceKind = e.LastInvoiceKind
	case ClientDeleted:
		c = Client{}
	}
	return c
}
