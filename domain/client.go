package domain

import "time"

// Client is the state of one client, folded from its events. The zero Client does not exist.
type Client struct {
	ID                      int64
	Name                    string
	HighriseID              int64 // 0 is null
	Currency                string
	CurrencySymbol          string
	Active                  bool
	Details                 string
	DefaultInvoiceTimeframe string // "" is null
	LastInvoiceKind         string // "" is null

	Revision  Revision
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Exists reports whether the client was created and not deleted since.
func (c Client) Exists() bool { return c.ID != 0 }

// CacheVersion is 0 at creation and grows by one with every event of the client.
func (c Client) CacheVersion() uint64 { return c.Revision.Version - 1 }

// Revision identifies one state of a client: the number of its events and the checksum of the last one. Two states of a
// client with the same Revision are equal, also after a restore from a backup.
type Revision struct {
	Version  uint64
	Checksum uint64
}
