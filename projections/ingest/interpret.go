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
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go"
)

// kind is what a type of event means.
type kind struct {
	thing    domain.ReferenceKind
	change   domain.Operation
	switches bool // it has to say whether a project is active
}

// kinds are the types of events of each stream that are understood.
var kinds = map[string]map[string]kind{
	upstream.Projects.Name: {
		"projects.v1.ProjectCreated": {domain.Project, domain.Created, true},
		"projects.v1.ProjectUpdated": {domain.Project, domain.Changed, false},
		"projects.v1.ProjectToggled": {domain.Project, domain.Changed, true},
		"projects.v1.ProjectDeleted": {domain.Project, domain.Deleted, false},
	},
	upstream.Invoices.Name: {
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

// item is a message of a run and what becomes of it.
type item struct {
	message            upstream.Message
	event              domain.ReferenceEvent // of domain.NoReference if the message is gone or unreadable
	actor, traceparent string                // for an event that follows from the message
	unreadable         *Poison               // found by interpret
	poison             *Poison               // found by interpret or by the decision
	subject            int64                 // the client under whom the event is recorded; 0 for none
}

func isUnknownClient(i *item) bool { return i.poison != nil && i.poison.Reason == UnknownClient }

// interpret reads a message of another service. It insists only on which project or invoice the message is about, because
// anything else that can be understood may forbid the deletion of a client: an unreadable field counts as not named, and
// active as true.
func interpret(m upstream.Message) *item {
	i := &item{message: m, event: domain.ReferenceEvent{Source: positionOf(m), StoredAt: m.StoredAt}}
	if !m.Gone {
		i.unreadable = guard(i.read)
	}
	return i
}

func (i *item) read() *Poison {
	cloud, poison := readEvent(i.message)
	if poison != nil {
		return poison
	}
	k, known := kinds[i.message.Stream][cloud.kind]
	if !known {
		return poisonf(UnknownType, "%s", cloud.kind)
	}
	data, poison := readAttributes(cloud.data)
	if poison != nil {
		return poison
	}
	event := i.event
	if event.Account, event.ID, poison = thingOf(i.message.Subject, data.ID); poison != nil {
		return poison
	}
	event.Kind, event.Operation = k.thing, k.change
	event.EventID, event.CausationID = eventID(cloud, i.message.Header)
	event.CorrelationID = brief(cloud.correlationID)
	if id, ok := wholeNumber(data.ClientID); ok && id > 0 {
		event.ClientID = id
	}
	switch {
	case k.change == domain.Deleted:
	case k.thing == domain.Project:
		event.Active = active(data.Active, k.switches)
	default:
		event.InvoiceKind = invoiceKind(data.Kind)
		event.InvoiceTimeframe = timeframe(data.PeriodStart, data.PeriodEnd)
	}
	i.event, i.actor, i.traceparent = event, brief(cloud.actor), plainTrace(cloud.traceparent)
	return nil
}

func positionOf(m upstream.Message) domain.Position {
	return domain.Position{Stream: m.Stream, Created: m.Created, Sequence: m.Sequence, Generation: m.Generation}
}

// readAttributes reads data, which is a JSON object, or a JSON string that contains one. No data names nothing.
func readAttributes(data []byte) (a attributes, poison *Poison) {
	data = trimmed(data)
	if len(data) > 0 && data[0] == '"' {
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return a, poisonf(Unreadable, "%v", err)
		}
		data = trimmed([]byte(text))
	}
	if len(data) == 0 {
		return a, nil
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, poisonf(Unreadable, "%v", err)
	}
	return a, nil
}

// thingOf finds out which project or invoice of which account an event is about: by its subject, which is
// <service>.<account>.<id>, and by the id in its data, which do not contradict each other.
func thingOf(subject string, rawID json.RawMessage) (account string, id int64, poison *Poison) {
	tokens := strings.Split(subject, ".")
	if len(tokens) < 2 || !domain.ValidAccount(tokens[1]) {
		return "", 0, poisonf(Unreadable, "the subject is %s", subject)
	}
	if len(tokens) == 3 {
		id, _ = strconv.ParseInt(tokens[2], 10, 64)
	}
	if stated, ok := wholeNumber(rawID); ok && stated > 0 {
		if id > 0 && stated != id {
			return "", 0, poisonf(Unreadable, "id %d on subject %s", stated, subject)
		}
		id = stated
	}
	if id < 1 {
		return "", 0, poisonf(Unreadable, "it names no id, and the subject is %s", subject)
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
func formerID(event domain.ReferenceEvent) string { return event.CausationID }

// brief answers nothing for what is too long to be an id.
func brief(id string) string {
	if len(id) > maxID {
		return ""
	}
	return id
}
