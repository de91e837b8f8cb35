package events

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"clients/cmd/clients/internal/terminal"
	"clients/eventstore"
)

// printedEvent is an event as a JSON line shows it.
type printedEvent struct {
	Sequence      uint64          `json:"sequence"`
	StoredAt      time.Time       `json:"stored_at"`
	Account       string          `json:"account"`
	ClientID      int64           `json:"client_id"`
	Version       uint64          `json:"client_version"`
	Type          string          `json:"type"`
	ID            string          `json:"id"`
	Time          time.Time       `json:"time"`
	Actor         string          `json:"actor"`
	CorrelationID string          `json:"correlation_id"`
	CausationID   string          `json:"causation_id"`
	Traceparent   string          `json:"traceparent,omitempty"`
	Data          json.RawMessage `json:"data"`
}

// print writes one event.
func (p *printer) print(r eventstore.Record) error {
	if p.JSON {
		return json.NewEncoder(p.out).Encode(printedEvent{
			r.Sequence, r.StoredAt, r.Account, r.ClientID, r.Version, r.Type, r.EventID, r.Time, r.Actor, r.CorrelationID, r.CausationID, r.Traceparent, r.Data,
		})
	}
	_, err := fmt.Fprintf(p.out, "%d  %s  %s/%d  v%d  %s  by %s  %s\n", r.Sequence, r.StoredAt.UTC().Format(time.DateTime), r.Account, r.ClientID, r.Version,
		strings.TrimPrefix(r.Type, "clients.v1."), terminal.Printable(r.Actor), terminal.Printable(string(r.Data)))
	return err
}
