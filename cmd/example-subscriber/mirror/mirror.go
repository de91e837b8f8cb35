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

// Attributes are what events set.
type Attributes struct {
	ID                      int64   `json:"id"`
	Name                    string  `json:"name"`
	HighriseID              *int64  `json:"highrise_id"`
	Currency                string  `json:"currency"`
	CurrencySymbol          string  `json:"currency_symbol"`
	Active                  bool    `json:"active"`
	Details                 *string `json:"details"` // never nil in a Client
	DefaultInvoiceTimeframe *string `json:"default_invoice_timeframe"`
	LastInvoiceKind         *string `json:"last_invoice_kind"`
}

// Client is a client as GET /clients.json returns it.
type Client struct {
	Attributes
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
	names = strings.Fields("ce-specversion ce-id ce-source ce-subject ce-time ce-clientversion ce-checksum content-type ce-type")
	valid = regexp.MustCompile(`^1\.0\n[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\n/clients\n.+\n\d{4}-\d\d-\d\dT.+\n` +
		`[1-9][0-9]*\n.+\napplication/json\nclients\..+$`)
	known = regexp.MustCompile(`^clients\.v1\.Client(Created|Updated|Toggled|InvoiceDefaultsChanged|Deleted|Erased)$`)
	null  = regexp.MustCompile(`(?i)"(name|currency|active)"\s*:\s*null`)
)

// Apply applies a message with its timestamp in the stream. It returns false for a message that is no event, or that its client
// already has. If it returns an error the copy is unchanged. What the pointers in a Client point to may change with an event.
func (c *Copy) Apply(subject string, h nats.Header, data []byte, at time.Time) (applied bool, err error) {
	var values []string
	for _, name := range names {
		values = append(values, h.Get(name))
	}
	tokens := strings.Split(subject, ".")
	if len(tokens) != 3 || !valid.MatchString(strings.Join(values, "\n")) {
		return false, nil
	}
	id, kind := tokens[2], h.Get("ce-type")
	covered := strings.Join([]string{subject, h.Get("ce-id"), kind, h.Get("ce-clientversion"), h.Get("ce-time"), string(data), ""}, "\x00")
	if fmt.Sprintf("%016x", crc64.Checksum([]byte(covered), crc64.MakeTable(crc64.ECMA))) != h.Get("ce-checksum") {
		return false, ErrChecksum
	}
	if h.Get("ce-subject") != id {
		return false, nil
	}
	var body struct {
		Attributes
		Erased []uint64
	}
	if err := json.Unmarshal(data, &body); err != nil || strconv.FormatInt(body.ID, 10) != id || !known.MatchString(kind) ||
		strings.HasSuffix(kind, "Updated") && null.Match(data) {
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
		client.CreatedAt = c.Clock
	}
	_ = json.Unmarshal(data, &client.Attributes) // as above
	if client.Details == nil {
		client.Details = new(string)
	}
	client.UpdatedAt, client.CacheVersion = c.Clock, version-1
	c.Clients[id] = client
	return true, nil
}
