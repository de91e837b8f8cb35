package ingest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"clients/domain"
	"clients/eventstore/deadletter"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats.go/jetstream"
)

// eventType is what a type of event means.
type eventType struct {
	kind      domain.ReferenceKind
	operation domain.Operation
	switches  bool // the event has to name whether the project is active
}

// eventTypes are the types of events of each stream that are understood.
var eventTypes = map[string]map[string]eventType{
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

// payload is the data of all those events. Each field is decoded by itself: an invalid one does not affect the others.
type payload struct {
	ID          json.RawMessage `json:"id"`
	ClientID    json.RawMessage `json:"client_id"`
	Active      json.RawMessage `json:"active"`
	Kind        json.RawMessage `json:"kind"`
	PeriodStart json.RawMessage `json:"period_start"`
	PeriodEnd   json.RawMessage `json:"period_end"`
}

// client returns the id of the client that is named, or 0.
func (p payload) client() int64 {
	id, _ := jsonInt(p.ClientID)
	return max(id, 0)
}

// item is a message of a run and its decision.
type item struct {
	message    upstream.Message
	cloud      cloudEvent
	event      domain.ReferenceEvent // of domain.NoReference if the message is gone or unreadable
	unreadable *Poison               // found by interpret
	poison     *Poison               // found by interpret or by the decision
	subject    int64                 // the client under whom the event is recorded; 0 for none
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

// isMarker reports whether JetStream itself stored a message, in place of the last one of its subject that expired.
func isMarker(m upstream.Message) bool {
	return len(m.Data) == 0 && m.Header.Get(jetstream.MarkerReasonHeader) != "" && textHeader(m.Header, "ce-type") == ""
}

func (i *item) read() *Poison {
	cloud, poison := readEvent(i.message)
	i.cloud = cloud
	if poison != nil {
		return poison
	}
	t, known := eventTypes[i.message.Stream][cloud.kind]
	if !known {
		return poisonf(UnknownType, "%s", cloud.kind)
	}
	data, poison := readPayload(cloud.data)
	if poison != nil {
		return poison
	}
	event := i.event
	if event.Account, event.ID, poison = subjectOf(i.message.Subject, data.ID); poison != nil {
		return poison
	}
	event.Kind, event.Operation = t.kind, t.operation
	event.EventID, event.CausationID = eventID(cloud, i.message.Header)
	event.CorrelationID = brief(cloud.correlationID)
	event.ClientID = data.client()
	switch {
	case t.operation == domain.Deleted:
	case t.kind == domain.Project:
		event.Active = active(data.Active, t.switches)
	default:
		event.InvoiceKind = invoiceKind(data.Kind)
		event.InvoiceTimeframe = timeframe(data.PeriodStart, data.PeriodEnd)
	}
	i.event = event
	return nil
}

// ClientOf returns the client that a dead letter of another service is about, with the id 0 if it is about none: the one that its
// reason names, which may be known from an earlier message, or else the one that its message names. It also finds the client in a
// message that has another fault, such as an unknown type, if its data, or all of it, can be read as the data of an event.
func ClientOf(letter deadletter.Letter) (account string, id int64) {
	m := letter.Message
	tokens := strings.Split(m.Subject, ".")
	if len(tokens) < 2 {
		return "", 0
	}
	cloud, poison := readEvent(m)
	if poison != nil && len(cloud.data) == 0 {
		cloud.data = m.Data
	}
	if reason := Reason(letter.Reason); reason == DeletedClient || reason == UnknownClient {
		_, _ = fmt.Sscanf(letter.Detail, "client %d", &id)
	}
	if data, poison := readPayload(cloud.data); id == 0 && poison == nil {
		id = data.client()
	}
	return tokens[1], id
}

func positionOf(m upstream.Message) domain.Position {
	return domain.Position{Stream: m.Stream, Created: m.Created, Sequence: m.Sequence, Generation: m.Generation}
}

// readPayload decodes data: a JSON object, or a JSON string that contains one. No data is an empty payload.
func readPayload(data []byte) (p payload, poison *Poison) {
	data = trimmed(data)
	if len(data) > 0 && data[0] == '"' {
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return p, poisonf(Unreadable, "%v", err)
		}
		data = trimmed([]byte(text))
	}
	if len(data) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, poisonf(Unreadable, "%v", err)
	}
	return p, nil
}

// subjectOf returns the account and id of the project or invoice that an event is about: from its subject, which is
// <service>.<account>.<id>, and from the id in its data. The two must not contradict each other.
func subjectOf(subject string, rawID json.RawMessage) (account string, id int64, poison *Poison) {
	tokens := strings.Split(subject, ".")
	if len(tokens) < 2 || !domain.ValidAccount(tokens[1]) {
		return "", 0, poisonf(Unreadable, "the subject is %s", subject)
	}
	if len(tokens) == 3 {
		if n, err := strconv.ParseInt(tokens[2], 10, 64); err == nil { // one out of range is the greatest
			id = n
		}
	}
	if stated, ok := jsonInt(rawID); ok && stated > 0 {
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
