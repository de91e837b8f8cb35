package domain

// Command is a request to change one client. Decide accepts or refuses it.
type Command interface{ isCommand() }

// ClientAttributes has the values that a request names for a client's attributes; nil was not named.
type ClientAttributes struct {
	Name           *string
	HighriseID     *int64 // 0 clears it
	Currency       *string
	CurrencySymbol *string
	DeriveSymbol   bool // currency-symbol is null: derive it from the currency
	Active         *bool
	Details        *string
}

// CreateClient creates a client under an id that was never used.
type CreateClient struct {
	ID              int64
	Attributes      ClientAttributes
	DefaultCurrency string // if the attributes name none
}

// UpdateClient changes the attributes that it names, and no others.
type UpdateClient struct {
	Attributes ClientAttributes
}

// ToggleClient deactivates an active client and activates an inactive one.
type ToggleClient struct{}

// DeleteClient deletes a client. Its id is never used again.
type DeleteClient struct{}

// FollowInvoice makes an invoice's kind and period the defaults of its client. Empty fields leave the default unchanged.
type FollowInvoice struct {
	Kind      string
	Timeframe string // as 20110101,20111231
}

func (CreateClient) isCommand()  {}
func (UpdateClient) isCommand()  {}
func (ToggleClient) isCommand()  {}
func (DeleteClient) isCommand()  {}
func (FollowInvoice) isCommand() {}
