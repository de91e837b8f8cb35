package ingest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"clients/domain"
	"clients/eventstore"

	"github.com/nats-io/nats.go"
)

// kind is what a type of event says.
type kind struct {
	thing  domain.ReferenceKind
	change domain.Operation
	// switches: it says whether a project is active, so that one which does not is not understood.
	switches bool
}

// kinds are the types of events of each stream that are understood.
var kinds = map[string]map[string]kind{
	eventstore.Projects.Stream: {
		"projects.v1.ProjectCreated": {domain.Project, domain.Created, true},
		"projects.v1.ProjectUpdated": {domain.Project, domain.Changed, false},
		"projects.v1.ProjectToggled": {domain.Project, domain.Changed, true},
		"projects.v1.ProjectDeleted": {domain.Project, domain.Deleted, false},
	},
	eventstore.Invoices.Stream: {
		"invoices.v1.InvoiceCreated": {domain.Invoice, domain.Created, false},
		"invoices.v1.InvoiceUpdated": {domain.Invoice, domain.Changed, false},
		"invoices.v1.InvoiceDeleted": {domain.Invoice, domain.Deleted, false},
	},
}

// attributes are the data of all those events, each read by itself: what cannot be understood of one field is of no
// concern to the others.
type attributes struct {
	ID          json.RawMessage `json:"id"`
	ClientID    json.RawMessage `json:"client_id"`
	Active      json.RawMessage `json:"active"`
	Kind        json.RawMessage `json:"kind"`
	PeriodStart json.RawMessage `json:"period_start"`
	PeriodEnd   json.RawMessage `json:"period_end"`
}

// interpret reads what another service says. It is lenient with everything but which thing it is about, for what can be
// understood may be what keeps a client from being deleted: a field that it cannot read counts as not named, and active
// as true. The error is an *Unusable; the fact is empty for a message that is gone.
func interpret(m eventstore.SourceMessage) (domain.ReferenceEvent, error) {
	fact := domain.ReferenceEvent{
		Source: positionOf(m), StoredAt: m.StoredAt,
	}
	if m.Gone {
		return fact, nil
	}
	event, err := readEvent(m)
	if err != nil {
		return fact, err
	}
	k, known := kinds[m.Stream][event.kind]
	if !known {
		return fact, unusablef(UnknownType, "%s", event.kind)
	}
	data, err := readAttributes(event.data)
	if err != nil {
		return fact, err
	}
	if fact.Account, fact.ID, err = thingOf(m.Subject, data.ID); err != nil {
		return fact, err
	}
	fact.Kind, fact.Operation = k.thing, k.change
	fact.EventID, fact.CausationID = eventID(event, m.Header)
	fact.CorrelationID = brief(event.correlationID)
	if id, ok := wholeNumber(data.ClientID); ok && id > 0 {
		fact.ClientID = id
	}
	switch {
	case k.change == domain.Deleted:
	case k.thing == domain.Project:
		fact.Active = active(data.Active, k.switches)
	default:
		fact.InvoiceKind = invoiceKind(data.Kind)
		fact.InvoiceTimeframe = timeframe(data.PeriodStart, data.PeriodEnd)
	}
	return fact, nil
}

func positionOf(m eventstore.SourceMessage) domain.Position {
	return domain.Position{Stream: m.Stream, Created: m.Created, Sequence: m.Sequence, Generation: m.Round}
}

// readAttributes reads data, which is a JSON object, or a JSON string that contains one. No data names nothing.
func readAttributes(data []byte) (a attributes, err error) {
	data = trimmed(data)
	if len(data) > 0 && data[0] == '"' {
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return a, unusablef(Unreadable, "%v", err)
		}
		data = trimmed([]byte(text))
	}
	if len(data) == 0 {
		return a, nil
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, unusablef(Unreadable, "%v", err)
	}
	return a, nil
}

// thingOf finds out which project or invoice of which account an event is about: by its subject, which is
// <service>.<account>.<id>, and by the id in its data, which do not contradict each other.
func thingOf(subject string, rawID json.RawMessage) (account string, id int64, err error) {
	tokens := strings.Split(subject, ".")
	if len(tokens) < 2 || !domain.ValidAccount(tokens[1]) {
		return "", 0, unusablef(Unreadable, "the subject is %s", subject)
	}
	if len(tokens) == 3 {
		id, _ = strconv.ParseInt(tokens[2], 10, 64)
	}
	if stated, ok := wholeNumber(rawID); ok && stated > 0 {
		if id > 0 && stated != id {
			return "", 0, unusablef(Unreadable, "id %d on subject %s", stated, subject)
		}
		id = stated
	}
	if id < 1 {
		return "", 0, unusablef(Unreadable, "it names no id, and the subject is %s", subject)
	}
	return tokens[1], id, nil
}

// wholeNumber reads a number, or a string that contains one: 3.0 and 3e0 are 3.
func wholeNumber(raw json.RawMessage) (int64, bool) {
	text := strings.TrimSpace(scalar(raw))
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	const exact = 1 << 53
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n != math.Trunc(n) || math.Abs(n) > exact {
		return 0, false
	}
	return int64(n), true
}

// active reads whether a project is active. What cannot be understood counts as active, which deactivates or deletes no
// client wrongly; so does nothing at all where the event has to say it.
func active(raw json.RawMessage, required bool) *bool {
	if (len(raw) == 0 || string(raw) == "null") && !required {
		return nil
	}
	n, number := wholeNumber(raw)
	inactive := number && n == 0 || strings.EqualFold(strings.TrimSpace(scalar(raw)), "false")
	return new(!inactive)
}

// invoiceKind returns "" for what no client can have as its last invoice kind.
func invoiceKind(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil || (domain.FollowInvoice{Kind: text}).Validate() != nil {
		return ""
	}
	return text
}

// timeframe is a period as clients show it: 20110101,20111231. It takes both ends to make one, in their order.
func timeframe(rawStart, rawEnd json.RawMessage) string {
	start, err := time.Parse(time.DateOnly, scalar(rawStart))
	if err != nil {
		return ""
	}
	end, err := time.Parse(time.DateOnly, scalar(rawEnd))
	if err != nil || end.Before(start) {
		return ""
	}
	return start.Format("20060102") + "," + end.Format("20060102")
}

// maxID bounds ids, in bytes. They are stored in headers, which are limited altogether: a longer id is no id.
const maxID = 256

// eventID returns what a repeat of an event has in common with it, and the event's own id. The first names the source
// too, also where that is empty: facts of earlier releases do not, see formerID. One that cannot be kept as it is stands
// for itself as a hash.
func eventID(event cloudEvent, h nats.Header) (identity, id string) {
	if id = event.id; id == "" {
		id = header(h, nats.MsgIdHdr)
	}
	if id == "" {
		return "", ""
	}
	identity = event.source + "\n" + id
	if len(identity) > maxID || !utf8.ValidString(identity) {
		identity = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(identity)))
	}
	if len(id) > maxID || !utf8.ValidString(id) {
		id = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(id)))
	}
	return identity, id
}

// formerID is what earlier releases stored of an event's identity: its id alone.
func formerID(fact domain.ReferenceEvent) string { return fact.CausationID }

// brief answers nothing for what is too long to be an id.
func brief(id string) string {
	if len(id) > maxID {
		return ""
	}
	return id
}
