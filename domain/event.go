package domain

// Event is something that has happened to one client. Events are stored for ever: eventstore pins their bytes.
type Event interface {
	// Client is the id of the client that the event happened to.
	Client() int64
}

// ClientCreated carries every attribute of the new client.
type ClientCreated struct {
	ID             int64
	Name           string
	HighriseID     int64 // 0 stands for null
	Currency       string
	CurrencySymbol string
	Active         bool
	Details        string
}

// ClientUpdated carries the changed attributes alone; what is nil has not changed.
type ClientUpdated struct {
	ID             int64
	Name           *string
	HighriseID     *int64 // 0 clears it
	Currency       *string
	CurrencySymbol *string
	Active         *bool
	Details        *string
}

// ClientToggled carries the state that the client was switched to.
type ClientToggled struct {
	ID     int64
	Active bool
}

// ClientInvoiceDefaultsChanged follows the invoices of the client. Both values are the current ones; "" stands for null.
type ClientInvoiceDefaultsChanged struct {
	ID                      int64
	DefaultInvoiceTimeframe string
	LastInvoiceKind         string
}

// ClientDeleted ends the history of a client.
type ClientDeleted struct {
	ID int64
}

func (e ClientCreated) Client() int64                { return e.ID }
func (e ClientUpdated) Client() int64                { return e.ID }
func (e ClientToggled) Client() int64                { return e.ID }
func (e ClientInvoiceDefaultsChanged) Client() int64 { return e.ID }
func (e ClientDeleted) Client() int64                { return e.ID }
