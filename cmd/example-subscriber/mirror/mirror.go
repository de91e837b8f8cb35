// Package mirror applies the events of the stream CLIENTS to a copy of the clients, by the rules of EVENTS.md, from event to
// client. It imports nothing of the service: another module copies this folder.
package mirror

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Attributes are what a ClientCreated sets, and a ClientUpdated as far as they changed.
type Attributes struct {
	Name           string `json:"name"`
	HighriseID     *int64 `json:"highrise_id"`
	Currency       string `json:"currency"`
	CurrencySymbol string `json:"currency_symbol"`
	Active         bool   `json:"active"`
	Details        string `json:"details"`
}

// InvoiceDefaults are what a ClientInvoiceDefaultsChanged sets.
type InvoiceDefaults struct {
	DefaultInvoiceTimeframe *string `json:"default_invoice_timeframe"`
	LastInvoiceKind         *string `json:"last_invoice_kind"`
}

// Client is a client as GET /clients.json returns it.
type Client struct {
	ID int64 `json:"id"`
	Attributes
	InvoiceDefaults
	CacheVersion int    `json:"cache_version"`
	CreatedAt    string `json:"created_at"`
	UpdatedAt    string `json:"updated_at"`
}

// Copy has the clients of one account or of several. Its fields are to be stored together with the position in the stream.
type Copy struct {
	Clients map[string]Client `json:"clients"` // by id
	Gone    map[string]bool   `json:"gone"`    // ids of clients that were deleted
	Clock   string            `json:"clock"`   // the highest timestamp of a message up to here, as in UpdatedAt
}

// List is the JSON that GET /clients.json returns.
type List []struct{ Client Client }

// New returns a copy that has the clients of a list.
func New(list List) Copy {
	c := Copy{Clients: make(map[string]Client), Gone: make(map[string]bool)}
	for _, entry := range list {
		c.Clients[strconv.FormatInt(entry.Client.ID, 10)] = entry.Client
		c.Clock = max(c.Clock, entry.Client.UpdatedAt)
	}
	return c
}

// Errors of [Copy.Apply]. Do not apply what is behind such a message.
var (
	ErrChecksum   = errors.New("wrong checksum")
	ErrUnreadable = errors.New("an event that this program cannot read: update it")
	ErrOutOfOrder = errors.New("an event that does not continue its client")
)

var (
	names    = strings.Fields("ce-specversion ce-id ce-source ce-subject ce-time ce-clientversion ce-checksum content-type ce-type")
	subjects = regexp.MustCompile(`^clients\.[a-z0-9-]{1,63}\.([1-9][0-9]*)$`)
	valid    = regexp.MustCompile(`^1\.0\n[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\n/clients\n.+\n.+\n[1-9][0-9]*\n.+\n` +
		`application/json\nclients\..+$`)
)

// set sets the attributes that an event of a type has, and ignores all others. It keeps a currency_symbol for which an update
// has null, which no release stores: the service derives one.
func (c *Client) set(kind string, data []byte) (err error) {
	switch kind {
	case "clients.v1.ClientUpdated":
		var given struct{ Name, Currency, Active, Details json.RawMessage }
		err = errors.Join(json.Unmarshal(data, &given), json.Unmarshal(data, &c.Attributes))
		for _, value := range []json.RawMessage{given.Name, given.Currency, given.Active} {
			if string(value) == "null" {
				err = ErrUnreadable
			}
		}
		if string(given.Details) == "null" {
			c.Details = ""
		}
	case "clients.v1.ClientCreated":
		err = json.Unmarshal(data, &c.Attributes)
	case "clients.v1.ClientToggled":
		var toggled struct{ Active bool }
		err = json.Unmarshal(data, &toggled)
		c.Active = toggled.Active
	case "clients.v1.ClientInvoiceDefaultsChanged":
		c.InvoiceDefaults = InvoiceDefaults{}
		err = json.Unmarshal(data, &c.InvoiceDefaults)
		c.DefaultInvoiceTimeframe, c.LastInvoiceKind = orNull(c.DefaultInvoiceTimeframe), orNull(c.LastInvoiceKind)
	case "clients.v1.ClientErased":
		err = json.Unmarshal(data, &struct{ Erased []uint64 }{})
	case "clients.v1.ClientDeleted":
	default:
		err = ErrUnreadable
	}
	c.HighriseID = orNull(c.HighriseID)
	return err
}

// orNull returns nil for a zero value.
func orNull[T comparable](value *T) *T {
	if value != nil && *value == *new(T) {
		return nil
	}
	return value
}

// Apply applies a message with its timestamp in the stream. It returns false for a message that is no event, or whose version its
// client already has. If it returns an error the copy is unchanged. A later Apply may change the values that the pointers in a
// Client point to.
func (c *Copy) Apply(subject string, h nats.Header, data []byte, at time.Time) (applied bool, err error) {
	var values []string
	for _, name := range names {
		values = append(values, h.Get(name))
	}
	match := subjects.FindStringSubmatch(subject)
	_, err = time.Parse(time.RFC3339, h.Get("ce-time"))
	if match == nil || err != nil || !valid.MatchString(strings.Join(values, "\n")) {
		return false, nil
	}
	id, kind := match[1], h.Get("ce-type")
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return false, nil
	}
	covered := strings.Join([]string{subject, h.Get("ce-id"), kind, h.Get("ce-clientversion"), h.Get("ce-time"), string(data), ""}, "\x00")
	if fmt.Sprintf("%016x", crc64.Checksum([]byte(covered), crc64.MakeTable(crc64.ECMA))) != h.Get("ce-checksum") {
		return false, ErrChecksum
	}
	if h.Get("ce-subject") != id {
		return false, nil
	}
	var body struct{ ID int64 }
	if err := json.Unmarshal(data, &body); err != nil || body.ID != number || new(Client).set(kind, data) != nil {
		return false, ErrUnreadable
	}
	client, exists := c.Clients[id]
	next := 1
	if exists {
		next = client.CacheVersion + 2
	}
	version, err := strconv.Atoi(h.Get("ce-clientversion"))
	created, erased := strings.HasSuffix(kind, "Created"), strings.HasSuffix(kind, "Erased")
	repeated := version < next || !erased && (c.Gone[id] || !exists && !created) // the last was deleted before the list was taken
	if !repeated && !erased && (err != nil || version != next || created == exists) {
		return false, ErrOutOfOrder
	}
	c.Clock = max(c.Clock, at.UTC().Format("2006-01-02T15:04:05Z"))
	switch {
	case repeated:
		return false, nil
	case erased, strings.HasSuffix(kind, "Deleted"):
		delete(c.Clients, id)
		c.Gone[id] = true
		return true, nil
	case created:
		client.ID, client.CreatedAt = number, c.Clock
	}
	_ = client.set(kind, data) // as above
	client.UpdatedAt, client.CacheVersion = c.Clock, version-1
	c.Clients[id] = client
	return true, nil
}
