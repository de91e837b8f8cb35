package domain

// Command is something a caller wants to happen to one client. Decide says whether it does.
type Command interface{ isCommand() }

// Draft holds what a caller says about a client's attributes. What is nil was not named.
type Draft struct {
	Name           *string
	HighriseID     *int64 // 0 clears it
	Currency       *string
	CurrencySymbol *string
	DeriveSymbol   bool // the symbol was named as null: take the one of the currency
	Active         *bool
	Details        *string
}

// CreateClient brings a client into being under an id that was never used.
type CreateClient struct {
	ID              int64
	Draft           Draft
	DefaultCurrency string // for a draft without one
}

// UpdateClient changes the attributes that the draft names, and no other.
type UpdateClient struct {
	Draft Draft
}

// ToggleClient deactivates an active client and activates an inactive one.
type ToggleClient struct{}

// DeleteClient ends a client. Its id is never used again.
type DeleteClient struct{}

// FollowInvoice makes an invoice's kind and period the defaults of its client. What is "" the invoice does not name.
type FollowInvoice struct {
	Kind      string
	Timeframe string // as 20110101,20111231
}

func (CreateClient) isCommand()  {}
func (UpdateClient) isCommand()  {}
func (ToggleClient) isCommand()  {}
func (DeleteClient) isCommand()  {}
func (FollowInvoice) isCommand() {}
