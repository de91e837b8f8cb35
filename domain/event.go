package domain

// Event is a change of one client. Events are stored forever; tests of eventstore pin their bytes.
type Event interface {
	// Client returns the id of the client.
	Client() int64
}

// ClientCreated has every attribute of the new client.
type ClientCreated struct {
	ID             int64
	Name           string
	HighriseID     int64 // 0 is null
	Currency       string
	CurrencySymbol string
	Active         bool
	Details        string
}

// ClientUpdated has the changed attributes only; nil is unchanged.
type ClientUpdated struct {
	ID             int64
	Name           *string
	HighriseID     *int64 // 0 clears it
	Currency       *string
	CurrencySymbol *string
	DeriveSymbol   bool // from the currency, where CurrencySymbol is nil; Decide derives it itself
	Active         *bool
	Details        *string
}

// ClientToggled has the new state of the client.
type ClientToggled struct {
	ID     int64
	Active bool
}

// ClientInvoiceDefaultsChanged has both defaults as they are after the event; "" is null.
type ClientInvoiceDefaultsChanged struct {
	ID                      int64
	DefaultInvoiceTimeframe string
	LastInvoiceKind         string
}

// ClientDeleted ends the history of a client.
type ClientDeleted struct {
	ID int64
}

// ClientErased ends what is known of a client: everything about it is overwritten. It continues the versions of the client, and
// is the only event that may follow a deletion, or come without a creation.
type ClientErased struct {
	ID     int64
	Erased []uint64 // the sequences of the messages, ascending; of very many there are several events
}

func (e ClientCreated) Client() int64                { return e.ID }
func (e ClientUpdated) Client() int64                { return e.ID }
func (e ClientToggled) Client() int64                { return e.ID }
func (e ClientInvoiceDefaultsChanged) Client() int64 { return e.ID }
func (e ClientDeleted) Client() int64                { return e.ID }
func (e ClientErased) Client() int64                 { return e.ID }
