package eventstore

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"clients/domain"

	"github.com/nats-io/nats.go"
)

// The types of reference events. They are internal, and are read forever all the same: see codec.go.
const (
	referenceTypePrefix = "client-references.v"
	typeProject         = "client-references.v1.ProjectRecorded"
	typeInvoice         = "client-references.v1.InvoiceRecorded"
	typePositionPassed  = "client-references.v1.PositionPassed"
)

type (
	positionV1 struct {
		Stream     string    `json:"stream"`
		Created    time.Time `json:"created"`
		Sequence   uint64    `json:"sequence"`
		Generation int       `json:"round,omitempty"`
		Previous   uint64    `json:"previous,omitempty"`
		StoredAt   time.Time `json:"stored_at,omitzero"`
		EventID    string    `json:"event_id,omitempty"`
	}
	referenceV1 struct {
		Source           positionV1 `json:"source"`
		Replica          string     `json:"recorder"`
		Late             bool       `json:"late,omitempty"`
		Operation        string     `json:"change,omitempty"`
		ID               int64      `json:"id,omitempty"`
		ClientID         int64      `json:"client_id,omitempty"`
		Active           *bool      `json:"active,omitempty"`
		InvoiceKind      string     `json:"kind,omitempty"`
		InvoiceTimeframe string     `json:"timeframe,omitempty"`
	}
)

// encodeReference returns the message for a reference event.
func encodeReference(e domain.ReferenceEvent, eventID string, at time.Time) (*nats.Msg, error) {
	kind, subject, client := typePositionPassed, passedSubject(e.Source.Stream), ""
	switch e.Kind {
	case domain.Project:
		kind, subject = typeProject, referenceSubjectOf(e.Account, e.Subject)
	case domain.Invoice:
		kind, subject = typeInvoice, referenceSubjectOf(e.Account, e.Subject)
	}
	if e.Subject != 0 {
		client = strconv.FormatInt(e.Subject, 10)
	}
	data, err := encodeJSON(referenceV1{
		Source: positionV1{
			Stream: e.Source.Stream, Created: e.Source.Created.UTC(), Sequence: e.Source.Sequence, Generation: e.Source.Generation, Previous: e.Previous,
			StoredAt: e.StoredAt.UTC(), EventID: e.EventID,
		},
		Replica: e.Replica, Late: e.Late, Operation: string(e.Operation), ID: e.ID, ClientID: e.ClientID, Active: e.Active,
		InvoiceKind: e.InvoiceKind, InvoiceTimeframe: e.InvoiceTimeframe,
	})
	msg, _ := newMessage(subject, data, attributes{
		id:            eventID,
		kind:          kind,
		subject:       client,
		time:          clock(at),
		correlationID: escape(e.CorrelationID),
		causationID:   escape(e.CausationID),
	})
	return msg, err
}

// referenceID derives the id from the message that the event was learned from, so that the stream keeps the first of those
// that two replicas record. What an operator records by hand has an id of its own.
func referenceID(e domain.ReferenceEvent, at time.Time) string {
	id := fmt.Sprintf("%s:%d:%d", e.Source.Stream, e.Source.Created.UnixNano(), e.Source.Sequence)
	if e.Source.Generation > 0 {
		id += fmt.Sprintf(":round:%d", e.Source.Generation)
	}
	if e.Late {
		id += fmt.Sprintf(":late:%d", at.UnixNano())
	}
	return id
}

// readReference reads the reference event of a message on an internal subject.
func (r *Record) readReference(header nats.Header, data []byte) error {
	if r.Subject == RemovalSubject {
		return r.readRemoval(data)
	}
	e, err := unmarshalReference(r.Type, data)
	if err != nil {
		return r.bodyError(err)
	}
	e.CorrelationID = unescape(header.Get(headerCorrelationID))
	e.CausationID = unescape(header.Get(headerCausationID))
	e.Account, e.Subject = parseReferenceSubject(r.Subject)
	if (e.Kind == domain.NoReference) != (e.Subject == 0) {
		return r.corrupt("%s under the subject %s", r.Type, r.Subject)
	}
	r.Reference = &e
	return nil
}

func unmarshalReference(kind string, data []byte) (domain.ReferenceEvent, error) {
	kinds := map[string]domain.ReferenceKind{typeProject: domain.Project, typeInvoice: domain.Invoice, typePositionPassed: domain.NoReference}
	reference, known := kinds[kind]
	if !known {
		return domain.ReferenceEvent{}, errUnknownType
	}
	v, err := decodeJSON[referenceV1](data)
	return domain.ReferenceEvent{
		Source:   domain.Position{Stream: v.Source.Stream, Created: v.Source.Created, Sequence: v.Source.Sequence, Generation: v.Source.Generation},
		Previous: v.Source.Previous, StoredAt: v.Source.StoredAt, EventID: v.Source.EventID, Kind: reference, Operation: domain.Operation(v.Operation), ID: v.ID, ClientID: v.ClientID,
		Active: v.Active, InvoiceKind: v.InvoiceKind, InvoiceTimeframe: v.InvoiceTimeframe, Late: v.Late, Replica: v.Replica,
	}, err
}

const referencePrefix = "client-references."

func referenceSubjectOf(account string, clientID int64) string {
	return referencePrefix + account + "." + strconv.FormatInt(clientID, 10)
}

// passedSubject records how far a stream was read where nothing was learned. Its second token is no account.
func passedSubject(stream string) string { return referencePrefix + "PASSED." + stream }

// parseReferenceSubject returns "" for a subject that no client can have.
func parseReferenceSubject(subject string) (account string, clientID int64) {
	rest, ok := strings.CutPrefix(subject, referencePrefix)
	if !ok {
		return "", 0
	}
	return parseSubject(subjectPrefix + rest)
}

// isInternalSubject reports whether a subject holds reference events, or the removals of messages.
func isInternalSubject(subject string) bool {
	account, _ := parseReferenceSubject(subject)
	return account != "" || strings.HasPrefix(subject, passedSubject("")) || subject == RemovalSubject
}
