package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// clientsCopy is every client of an account, or of every account, as of one sequence of one stream.
type clientsCopy struct {
	Epoch    string                       `json:"epoch"`    // of the stream that this is a copy of; "" for a copy that is not begun
	Sequence uint64                       `json:"sequence"` // up to which the stream is in it
	Last     message                      `json:"last"`     // the last message up to there, if there is one
	Clock    time.Time                    `json:"clock"`    // time of the last event
	Account  string                       `json:"account"`  // "" for all
	Accounts map[string]map[int64]*client `json:"accounts"`
	Deleted  map[int64]bool               `json:"deleted"` // ids, which are never used again

	path string
}

// message is a message of the stream: in another history its sequence has another id.
type message struct {
	Sequence uint64 `json:"sequence"`
	ID       string `json:"id"`
}

// client is a client as the service shows it.
type client struct {
	ID                      int64     `json:"id"`
	Name                    string    `json:"name"`
	HighriseID              *int64    `json:"highrise_id"`
	Currency                string    `json:"currency"`
	CurrencySymbol          string    `json:"currency_symbol"`
	Active                  bool      `json:"active"`
	Details                 string    `json:"details"`
	DefaultInvoiceTimeframe *string   `json:"default_invoice_timeframe"`
	LastInvoiceKind         *string   `json:"last_invoice_kind"`
	CacheVersion            uint64    `json:"cache_version"`
	CreatedAt               time.Time `json:"created_at"`
	UpdatedAt               time.Time `json:"updated_at"`
}

func newCopy(path string) *clientsCopy {
	return &clientsCopy{Accounts: make(map[string]map[int64]*client), Deleted: make(map[int64]bool), path: path}
}

// loadCopy reads the copy at path, or begins an empty one.
func loadCopy(path string) (*clientsCopy, error) {
	own := newCopy(path)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return own, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the copy: %w", err)
	}
	if err := json.Unmarshal(content, own); err != nil {
		return nil, fmt.Errorf("read the copy: %s: %w; delete it to start from zero", path, err)
	}
	return own, nil
}

// save puts the copy in the place of the one before, whole or not at all.
func (c *clientsCopy) save() error {
	content, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("save the copy: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(c.path), filepath.Base(c.path)+".*")
	if err != nil {
		return fmt.Errorf("save the copy: %w", err)
	}
	defer os.Remove(file.Name()) // which fails when it has been renamed
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), c.path)
	}
	if err != nil {
		return fmt.Errorf("save the copy: %w", err)
	}
	return nil
}

// apply changes the copy by an event. The error is errStray for an event whose version the client already has, or that
// follows its deletion; any other means that the copy or the stream is not what it should be.
func (c *clientsCopy) apply(e event) error {
	account := c.Accounts[e.account]
	if account == nil {
		account = make(map[int64]*client)
		c.Accounts[e.account] = account
	}
	have := account[e.client]
	next := uint64(1)
	if have != nil {
		next = have.CacheVersion + 2
	}
	// The clocks of NATS servers may differ. The time of an event that is skipped counts, as it does for the service.
	if e.storedAt.After(c.Clock) {
		c.Clock = e.storedAt
	}
	if e.version < next || c.Deleted[e.client] {
		return fmt.Errorf("%w: version %d of client %d", errStray, e.version, e.client)
	}
	if e.version != next {
		return fmt.Errorf("sequence %d: version %d of client %d, where version %d should follow", e.sequence, e.version, e.client, next)
	}
	if e.kind == clientDeleted {
		delete(account, e.client)
		c.Deleted[e.client] = true
		return nil
	}
	if have == nil {
		have = &client{CreatedAt: c.Clock.UTC().Truncate(time.Second)} // as the service shows it
		account[e.client] = have
	}
	// What an event does not name stays as it is, and null clears.
	if err := json.Unmarshal(e.data, have); err != nil {
		return fmt.Errorf("sequence %d: %s: %w", e.sequence, e.kind, err)
	}
	have.CacheVersion, have.UpdatedAt = e.version-1, c.Clock.UTC().Truncate(time.Second)
	return nil
}
