// Package domain is the customer ("client") of an invoicing system and the rules it lives by.
//
// A command goes through [Decide], which refuses it or answers with the one event it leads to; [Evolve] turns
// the event into the next state. Both are pure: no I/O, no clock, no ids of their own.
package domain

import "time"

// Client is the state of one client, as folded from its events. The zero Client does not exist (yet).
type Client struct {
	ID                      int64
	Name                    string
	HighriseID              int64 // 0 stands for null
	Currency                string
	CurrencySymbol          string
	Active                  bool
	Details                 string
	DefaultInvoiceTimeframe string // "" stands for null
	LastInvoiceKind         string // "" stands for null

	Revision  Revision
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Exists reports whether the client has been created and not been deleted since.
func (c Client) Exists() bool { return c.ID != 0 }

// CacheVersion is 0 at creation and grows by one with every event of the client.
func (c Client) CacheVersion() uint64 { return c.Revision.Version - 1 }

// Revision names one state of one client: how many events led to it and the checksum of the last of them.
// Two states of a client with the same Revision are the same state, also after a store was restored from a backup.
type Revision struct {
	Version  uint64
	Checksum uint64
}
